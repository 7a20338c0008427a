# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Options of the imports and exports that are resources of their own."""

from typing import Any

from oslo_config import cfg
from oslo_config import types


class _Verifiers(types.List):
    """A list of names that converts nothing before it was found safe."""

    def __call__(self, value: Any) -> Any:
        names = super().__call__(value)
        if 'conversion' in names and 'safety' not in names[
                :names.index('conversion')]:
            raise ValueError(
                "'conversion' needs 'safety' before it: data that was not "
                "checked must not be converted")
        return names


OPTS = [
    cfg.Opt(
        'verifiers', type=_Verifiers(),
        default=['size', 'digest', 'format', 'safety', 'virtual-size'],
        help="""
What the data of an image import has to pass before it becomes an image, in
this order. The signature of an image that has one, and what Glance itself
objects to in an upload, are looked at in any case.

Possible values:

* ``size``: there is data, and ``image_size_cap`` and the quota have room
* ``digest``: it has the digest that the request asks for. Without this one
  such a request is answered 400
* ``format``: it is what ``disk_format`` says; where the request does not say,
  it is of any known format
* ``safety``: it refers to no other files, and hides no second image
* ``virtual-size``: the disk in it is no larger than an image may be
* ``conversion``: it is turned into ``[image_conversion] output_format``, after
  those before it have passed. Needs ``safety`` before it, or Glance does not
  start; ``qemu-img``; and room in the staging directory for the result as well
* the names of others that are installed as entry points of
  ``glance_ext.verifiers``
"""),
    cfg.IntOpt(
        'import_upload_timeout',
        default=3600, min=10, max=604800,
        help="""
After how many seconds an image import without a location fails, if nobody has
uploaded its data.
"""),
    cfg.IntOpt(
        'conversion_timeout',
        default=3600, min=1, max=604800,
        help="""
How many seconds of CPU time one conversion with qemu-img gets; what needs more
fails.
"""),
    cfg.IntOpt(
        'conversion_memory',
        default=2048, min=256, max=1048576,
        help="""
How many MiB of memory, as address space, one conversion with qemu-img gets;
what needs more fails.
"""),
    cfg.StrOpt(
        'conversion_user',
        default='nobody',
        help="""
Name of the user that qemu-img runs as where Glance runs as root. Without root,
qemu-img runs as Glance's own user and this option is not read. The user should
own no files.
"""),
]
