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
"""Options of copy-image and web-download."""

from oslo_config import cfg
from oslo_config import types


class _Key(types.String):
    """A text that is long enough; what is wrong about it never quotes it."""

    def __call__(self, value: object) -> str:
        text: str = super().__call__(value)
        if text and len(text) < 16:
            raise ValueError('it has fewer than 16 characters')
        return text


OPTS = [
    cfg.ListOpt(
        'import_methods',
        default=['copy-image', 'web-download'],
        help="""
The methods for which the extension answers
``POST /v2/images/{image_id}/import`` instead of Glance. The rest go to Glance.

Possible values:

* ``copy-image`` and ``web-download``, which Glance's
  ``enabled_import_methods`` has to name as well
* the names of other methods that are installed as entry points of
  ``glance_ext.import_methods``
"""),
    cfg.StrOpt(
        'copy_image_all_stores',
        default='accept',
        choices=[
            ('accept', 'Copy to every store that has no copy yet, as Glance '
             'and its clients do.'),
            ('reject', 'Answer 400, as the specification of copy-image '
             'says.'),
        ],
        help='What ``all_stores`` does in a request for copy-image.'),
    cfg.BoolOpt(
        'copy_through_staging',
        default=False,
        help="""
Whether copy-image reads the image into the staging directory of this host
first. The source is then read as fast as that disk takes it, and read no more
while a slow store is written; the disk needs room for the whole image.
"""),
    cfg.BoolOpt(
        'read_back',
        default=False,
        help="""
Whether each new copy is read once more, and its digest compared, before it
counts. Without, a store has to accept every byte, and to say that it holds as
many.
"""),
    cfg.Opt(
        'secret_key',
        type=_Key(),
        secret=True,
        help="""
A secret of at least 16 characters, the same on every host, with which the
query strings of URIs are encrypted while an action needs them, and from
which the key for the signatures of actions is derived. Without it query
strings stay in the process that accepted the action, which fails with
``credentials_lost`` if that process dies, and the key for the signatures is
kept in the database. After a change of the secret, actions from before are
not known any more.

Related options:

* ``trust_actions_before``: keeps them known.
"""),
]
