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
"""Image imports, many of them and killed at any moment.

``GLANCE_EXT_SOAK_IMPORTS`` is how many are listed (10,000), and
``GLANCE_EXT_SOAK_KILLS`` how many times the process is killed (30).
"""

import os
import random
import signal
import time

from tests.functional import cases
from tests.functional import disks
from tests.functional import import_requests
from tests.functional import test_image_imports_crash
from tests.harness import glance
from tests.harness.backends import http
from tests.harness.soaking import soak
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER
from tests.harness.users import OTHER

MANY = int(os.environ.get('GLANCE_EXT_SOAK_IMPORTS', '10000'))
KILLS = int(os.environ.get('GLANCE_EXT_SOAK_KILLS', '30'))
#: Seconds after which an import that nobody disturbs has ended.
WHOLE = 2.0


@soak
class ManyTest(import_requests.RequestCase):
    arguments = {'config': {
        **import_requests.RequestCase.arguments['config'],
        'glance_ext': cases.TRUSTING}}

    def ids(self, user):
        """Return the ids of the whole list, page by page."""
        path, found = f'{import_requests.IMPORTS}?limit=1000', []
        while path:
            page = self.expect(200, self.get(path, user=user)).json
            found += [each['self'] for each in page['image_imports']]
            path = page.get('next')
        return found

    def test_ten_thousand_are_listed_to_those_they_belong_to(self):
        first = self.begin().rpartition('/')[2]
        ((row, info),) = self.glance.sql(
            'select t.created_at, i.input from tasks t join task_info i on '
            'i.task_id = t.id where t.id = ?', (first,))
        numbers = ('with recursive n(i) as (select 1 union all select i + 1 '
                   f'from n where i < {MANY - 1}) ')
        name = "printf('%08x-0000-4000-8000-000000000000', i)"
        self.glance.sql(
            'insert into tasks (id, type, status, owner, created_at, '
            f"updated_at, deleted) {numbers} select {name}, "
            "'api_image_import', 'pending', 'project', ?, ?, 0 from n",
            (row, row))
        self.glance.sql('insert into task_info (task_id, input) '
                        f'{numbers} select {name}, ? from n', (info,))
        self.assertEqual([], self.ids(OTHER))
        for user in (MEMBER, ADMIN):
            begun = time.monotonic()
            found = self.ids(user)
            self.assertEqual(MANY, len(set(found)))
            self.assertEqual(MANY, len(found))
            print(f'{MANY} imports listed in {time.monotonic() - begun:.1f} s')


@soak
class KilledTest(import_requests.RequestCase):

    def setUp(self):
        self.server = http.shared()
        self.glance = glance.Glance(config=test_image_imports_crash.OPTIONS)
        self.addCleanup(self.glance.stop, signal.SIGKILL)
        self.glance.start()

    def test_an_import_that_is_killed_anywhere_ends_whole_or_not_at_all(self):
        data = disks.qcow2(size=4 * disks.MIB)
        chance = random.Random(7)
        location = self.serve(data, rate=4 * disks.MIB)
        for number in range(KILLS):
            with self.subTest(number):
                path = self.begin(location, stores=['fast', 'slow'])
                time.sleep(chance.random() * WHOLE)
                self.glance.kill()
                self.glance.start()
                found = self.wait(path, timeout=60)
                if found['status'] == 'success':
                    image = found['image_ref'].rpartition('/')[2]
                    self.assertEqual(
                        data, self.glance.download(image, MEMBER))
                else:
                    self.refused(path)
