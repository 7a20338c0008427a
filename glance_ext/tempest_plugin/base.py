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

"""What the tests have in common: users, images, and how an action ends."""

import io
import random
import time
from typing import Any

from tempest import config
from tempest import test
from tempest.lib import exceptions
from tempest.lib.common.utils import data_utils
from tempest.lib.common.utils import test_utils

CONF = config.CONF

ACTIONS = 'image-actions'
IMPORTS = 'image-imports'
EXPORTS = 'image-exports'
FORMATS = {'disk_format': 'raw', 'container_format': 'bare'}


class ExtensionTest(test.BaseTestCase):
    """Skipped where ``GET /v2/info/glance-ext`` does not offer it."""

    credentials = ['project_admin', 'project_member']

    #: The kind of action, and the import method, that a class is about.
    action_type = ''
    method = ''

    info: Any
    stores: list[str]
    admin: Any
    member: Any
    images: Any

    @classmethod
    def skip_checks(cls) -> None:
        super().skip_checks()
        for name in ('glance', 'glance_ext'):
            if not CONF.service_available[name]:
                raise cls.skipException(f'{name} is not available')

    @classmethod
    def setup_clients(cls) -> None:
        super().setup_clients()
        cls.admin = calls_of(cls.os_project_admin)
        cls.member = calls_of(cls.os_project_member)
        cls.images = cls.os_project_member.image_client_v2

    @classmethod
    def resource_setup(cls) -> None:
        super().resource_setup()
        try:
            cls.info = cls.admin.show_info()
        except exceptions.NotFound:
            raise cls.skipException(
                'This Glance runs without the extension: it answers 404 to '
                'GET /v2/info/glance-ext') from None
        for word, offered in ((cls.action_type, cls.info['action_types']),
                              (cls.method, cls.info['import_methods'])):
            if word and word not in offered:
                raise cls.skipException(f'This Glance does not offer {word}')
        try:
            found = cls.images.info_stores()['stores']
        except exceptions.NotFound:
            found = []  # a single store, which has no name
        cls.stores = sorted(
            store['id'] for store in found if not store.get('read-only'))

    def need_stores(self, count: int) -> None:
        """Skip the test where the cloud has fewer stores."""
        if len(self.stores) < count:
            raise self.skipException(f'{count} stores are needed')

    def name(self) -> str:
        name: str = data_utils.rand_name(
            'glance-ext', prefix=CONF.resource_name_prefix)
        return name

    def create_image(self) -> str:
        """Return the id of a queued image of the member's."""
        image: str = self.images.create_image(
            name=self.name(), **FORMATS)['id']
        self.delete_later(image)
        return image

    def delete_later(self, image: str) -> None:
        self.addCleanup(
            test_utils.call_and_ignore_notfound_exc,
            self.images.delete_image, image)

    def upload_image(self, data: bytes | None = None) -> str:
        """Return the id of an active image of the member's."""
        image = self.create_image()
        self.images.store_image_file(
            image, io.BytesIO(some_bytes() if data is None else data))
        return image

    def wait(self, begun: Any, kind: str = ACTIONS) -> Any:
        """Return an action, import or export when it has ended."""
        deadline = time.monotonic() + CONF.glance_ext.build_timeout
        while True:
            found = self.admin.show_resource(kind, begun['id'])
            if (found['status'] in ('success', 'failure')
                    and found.get('phase', 'ended') == 'ended'):
                return found
            if time.monotonic() > deadline:
                raise exceptions.TimeoutException(str(found))
            time.sleep(CONF.glance_ext.build_interval)

    def succeed(self, begun: Any, kind: str = ACTIONS) -> Any:
        """Return an action, import or export that has to end well."""
        found = self.wait(begun, kind)
        self.assertEqual('success', found['status'], found)
        return found


def calls_of(manager: Any) -> Any:
    """Return the client of the extension for a set of credentials."""
    return manager.glance_ext.GlanceExtClient()


def some_bytes(count: int = 256 << 10) -> bytes:
    # Data, and no secret.
    return random.Random(count).randbytes(count)  # nosec B311


def listed(calls: Any, kind: str) -> list[str]:
    """Return the ids of what a user finds in a list, on its first page."""
    found = calls.list_resources(kind)[kind.replace('-', '_')]
    return [each['self'].rpartition('/')[2] for each in found]
