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
"""What a request for a download is answered with, and what is not told."""

from tests.functional.download_life import SECRET
from tests.functional.download_life import SHA256
from tests.functional.download_life import DownloadCase
from tests.functional.hash_life import DATA
from tests.functional.import_life import downloading
from tests.harness.users import MEMBER
from tests.harness.users import OTHER
from tests.harness.users import READER


class AskTest(DownloadCase):
    """What is refused before anything is done, and what is not told."""

    def test_a_body_that_makes_no_sense_is_refused(self):
        uri = self.server.serve('/image', DATA)
        for method in (
                {}, {'uri': 1}, {'uri': ''}, {'uri': uri, 'more': 1},
                {'uri': uri, 'os_hash_algo': 'sha256'},
                {'uri': uri, 'os_hash_value': SHA256},
                {'uri': uri, 'os_hash_algo': 'sha512',
                 'os_hash_value': SHA256},
                {'uri': uri, 'os_hash_algo': 'crc', 'os_hash_value': 'ab'},
                {'uri': uri, 'os_hash_algo': 'sha256', 'os_hash_value': 'xy'},
                {'uri': uri, 'hash_uri': uri, 'os_hash_algo': 'sha256',
                 'os_hash_value': SHA256},
                {'uri': uri, 'hash_uri': 'file:///etc/passwd'}):
            with self.subTest(method):
                self.refused(400, self.image, {
                    'method': {'name': 'web-download', **method}})
        self.assertEqual([], self.server.requests)

    def test_a_uri_that_the_rules_forbid_is_refused(self):
        for uri in ('http://user:secret@127.0.0.1/', 'ftp://127.0.0.1/',
                    'file:///etc/passwd', 'http://', 'http://other.test/'):
            with self.subTest(uri):
                self.assertNotIn('secret', self.refused(
                    400, self.image, downloading(uri)))

    def test_an_image_that_is_not_queued_is_refused(self):
        active = self.glance.upload(DATA, stores=('fast',))
        uri = self.server.serve('/image', DATA)
        self.refused(409, active, downloading(uri))
        for name in ('disk_format', 'container_format'):
            image = self.glance.request(
                'POST', '/v2/images', {'disk_format': 'raw',
                                       'container_format': 'bare',
                                       name: None}).json['id']
            self.refused(409, image, downloading(uri))

    def test_only_those_who_may_change_the_image_may_ask(self):
        image = self.glance.create(user=MEMBER, visibility='private')['id']
        uri = self.server.serve('/image', DATA)
        for status, user in ((404, OTHER), (403, READER)):
            self.refused(status, image, downloading(uri), user=user)
        action = self.fetch(uri, 'fast', image=image, user=MEMBER)
        self.assertFetched(action, 'fast', image=image)

    def test_dry_run_asks_nobody(self):
        uri = self.server.serve('/image', DATA)
        answer = self.ask(self.image, {**downloading(uri, 'slow'),
                                       'dry_run': True})
        self.assertEqual(200, answer.status)
        self.assertEqual([{'store': 'slow', 'bytes': None}],
                         answer.json['targets'])
        self.assertEqual(1 << 30, answer.json['quota']['bytes_remaining']
                         + self.used())
        self.assertEqual([], self.server.requests)
        self.assertEqual(self.before, self.rows(self.image))

    def used(self):
        return sum(row[0] for row in self.glance.sql(
            'select size from images i join image_locations l on l.image_id '
            '= i.id where i.owner = ? and i.deleted = 0 and l.deleted = 0',
            ('admin-project',)))

    def test_a_query_is_told_to_nobody(self):
        uri = self.server.serve('/image', DATA) + '?' + SECRET
        sums = self.server.serve(
            '/SUMS', f'{SHA256}  image\n'.encode()) + '?' + SECRET
        answer = self.ask(self.image, downloading(uri, 'fast',
                                                  hash_uri=sums))
        action = self.ended(answer.json['id'])
        self.assertFetched(action, 'fast')
        self.assertEqual('', self.found(SECRET, answer.text, action))

    def test_nor_is_it_where_the_download_fails(self):
        uri = self.server.serve('/image', DATA, status=404) + '?' + SECRET
        answer = self.ask(self.image, downloading(uri, 'fast'))
        action = self.ended(answer.json['id'])
        self.assertNotFetched(action, 'remote_refused')
        self.assertEqual('', self.found(SECRET, answer.text, action))

    def found(self, secret, *told):
        """Return where a secret turns up: answers, rows, log, events."""
        told = [*told, self.glance.log(),
                self.glance.tasks(self.image),
                self.glance.sql('select * from task_info'),
                self.glance.image(self.image)]
        for each in told:
            text = str(each)
            if secret in text:
                at = text.index(secret)
                return text[max(0, at - 300):at + 100]
        return ''
