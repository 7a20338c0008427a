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

"""The options of the group ``[glance_ext]``, a file for each subject."""

from typing import Any

from oslo_config import cfg

from glance_ext.conf import actions
from glance_ext.conf import download
from glance_ext.conf import hash as hash_
from glance_ext.conf import ids
from glance_ext.conf import image_imports
from glance_ext.conf import imports
from glance_ext.conf import metrics
from glance_ext.conf import transfer
from glance_ext.conf import workers

GROUP = cfg.OptGroup('glance_ext', title='glance-ext', help=(
    'Options of the extension glance-ext.'))

_OPTS = [
    *hash_.OPTS,
    *actions.OPTS,
    *imports.OPTS,
    *ids.OPTS,
    *image_imports.OPTS,
    *workers.OPTS,
    *metrics.OPTS,
    *transfer.OPTS,
    *download.OPTS,
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Make the options of the extension known to ``conf``.

    :raises ValueError: one is set to what it cannot be
    """
    conf.register_group(GROUP)
    conf.register_opts(_OPTS, group=GROUP)
    for opt in _OPTS:
        # oslo.config finds fault with a value only when it is asked for.
        conf[GROUP.name][opt.dest]


def list_opts() -> list[tuple[cfg.OptGroup, list[Any]]]:
    """Return the options for ``oslo-config-generator``."""
    return [(GROUP, list(_OPTS))]
