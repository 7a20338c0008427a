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
"""All of Cinder in one process: API, scheduler and volume service.

``python -m tests.harness.backends.cinder_serve CONF``. Messages stay in the
process, and whoever says who they are is believed.
"""

import sys


def main() -> None:
    """Make the database, then serve."""
    import eventlet

    eventlet.monkey_patch()
    from oslo_service import backend

    backend.init_backend(backend.BackendType.EVENTLET)
    from cinder import coordination  # noqa: F401
    from cinder import objects
    from cinder import service
    from cinder import version
    from cinder.common import config  # noqa: F401
    from cinder.common import constants
    from cinder.db import migration
    import os_brick
    from oslo_config import cfg
    from oslo_log import log

    conf = cfg.CONF
    objects.register_all()
    conf.register_opt(cfg.StrOpt('backend_host'), group='rbd')
    conf.register_opt(cfg.StrOpt('cluster'))
    conf(['--config-file', sys.argv[1]], project='cinder',
         version=version.version_string())
    log.setup(conf, 'cinder')
    os_brick.setup(conf)
    migration.db_sync()
    for each in (
        service.Service.create(binary='cinder-scheduler'),
        service.Service.create(
            host='host@rbd', service_name='rbd', coordination=True,
            binary=constants.VOLUME_BINARY),
        service.WSGIService('osapi_volume'),
    ):
        each.start()
    while True:
        eventlet.sleep(3600)


if __name__ == '__main__':
    main()
