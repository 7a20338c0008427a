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


"""Version 1 of the Image API: its client side, and a face for Glance's v2.

Deprecated. Nothing else of ``glance_ext.compat`` needs this package.
"""

from typing import Any


def app_factory(global_conf: dict[str, str], **local_conf: str) -> Any:
    """Return the application, as ``paste.app_factory`` wants it.

    ``v2`` in its section names the application of the same file that is
    Glance's ``/v2``; ``apiv2app`` is its usual name.
    """
    from glance_ext.compat.v1 import application

    return application.load(global_conf, local_conf.get('v2', 'apiv2app'))
