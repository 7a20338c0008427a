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
"""Which releases of Glance the extension runs in.

Imports nothing of Glance, so that on another release its one clear sentence
comes before any import that fails there.
"""

from importlib import metadata

OLDEST, NEWEST = 28, 33


class UnsupportedHost(RuntimeError):
    """Raised at start-up, with the whole reason in one line."""


def check(version: str | None = None) -> None:
    """Raise unless the extension knows this Glance.

    :param version: the default is the one that is installed
    :raises UnsupportedHost: with what to do about it
    """
    version = version or metadata.version('glance')
    if not OLDEST <= int(version.partition('.')[0]) <= NEWEST:
        raise UnsupportedHost(
            f'glance-ext supports Glance {OLDEST} to {NEWEST}; this is '
            f'Glance {version}. Take the filter glance_ext out of the '
            f'pipeline (glance-ext-manage disable), or install a release '
            f'of glance-ext that supports this Glance.')
