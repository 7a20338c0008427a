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

"""Long-running image actions for an OpenStack Glance that is there already.

``__version__`` is the version of the installed distribution ``glance-ext``.
"""

from importlib import metadata

__version__: str


def __getattr__(name: str) -> str:
    # When asked for, so that a checkout can be worked on without installing.
    if name == '__version__':
        return metadata.version('glance-ext')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
