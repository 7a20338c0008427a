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

"""What Tempest asks a plugin for: tests, options and service clients."""

import pathlib
from typing import Any

from oslo_config import cfg
from tempest import config
from tempest.test_discover import plugins

from glance_ext.tempest_plugin import options


class GlanceExtTempestPlugin(plugins.TempestPlugin):
    """Found by the entry point ``glance_ext`` of ``tempest.test_plugins``."""

    def load_tests(self) -> tuple[str, str]:
        here = pathlib.Path(__file__).resolve().parent
        return str(here / 'tests'), str(here.parents[1])

    def register_opts(self, conf: cfg.ConfigOpts) -> None:
        conf.register_opts(options.SERVICE_AVAILABLE,
                           group='service_available')
        config.register_opt_group(conf, options.GROUP, options.OPTIONS)

    def get_opt_lists(self) -> list[tuple[str, list[cfg.Opt]]]:
        return [('service_available', [*options.SERVICE_AVAILABLE]),
                (options.GROUP.name, options.OPTIONS)]

    def get_service_clients(self) -> list[dict[str, Any]]:
        return [{
            'name': 'glance_ext',
            'service_version': 'image.glance_ext',
            'module_path': 'glance_ext.tempest_plugin.client',
            'client_names': ['GlanceExtClient'],
            **config.service_client_config('image'),
        }]
