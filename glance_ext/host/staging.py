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
"""The directory of this host where data waits before it is stored.

Each action has a directory of its own in there, so that nothing that is made
of its data can get in the way of others.
"""

from collections.abc import Callable
import pathlib
import shutil

from oslo_config import cfg

_PREFIX = 'glance-ext-'


def file(action_id: str) -> pathlib.Path:
    """Return where the data of an action is staged, alone in a directory.

    :raises OSError:
    """
    directory = _directory() / f'{_PREFIX}{action_id}'
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory / 'data'


def remove(action_id: str) -> None:
    """Remove what an action has staged on this host."""
    shutil.rmtree(_directory() / f'{_PREFIX}{action_id}', ignore_errors=True)


def clean(has_ended: Callable[[str], bool]) -> None:
    """Remove what actions staged here that have ended, perhaps elsewhere."""
    for directory in _directory().glob(f'{_PREFIX}*'):
        action_id = directory.name.removeprefix(_PREFIX)
        if has_ended(action_id):
            remove(action_id)


def _directory() -> pathlib.Path:
    if cfg.CONF.enabled_backends:
        return pathlib.Path(
            cfg.CONF.os_glance_staging_store.filesystem_store_datadir)
    return pathlib.Path(cfg.CONF.node_staging_uri.removeprefix('file://'))
