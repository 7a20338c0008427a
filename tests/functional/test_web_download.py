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
"""Downloads into images: what is asked, fetched, refused and recorded."""

import hashlib
import time

from tests.functional import cases
from tests.functional.hash_life import DATA
from tests.functional.hash_life import digests
from tests.functional.hash_life import fields
from tests.functional.hash_life import until
from tests.functional.import_life import STORES
from tests.functional.import_life import ImportCase
from tests.functional.import_life import changed
from tests.functional.import_life import downloading
from tests.functional.import_life import staged
from tests.harness.backends import http
from tests.harness.backends.behaviour import Pattern
from tests.harness.users import MEMBER
from tests.harness.users import OTHER
from tests.harness.users import READER

SHA256 = hashlib.sha256(DATA).hexdigest()
SECRET = 'x-signature=geheim-7'


class DownloadCase(ImportCase):
    """Tests beside a server of files; one second attempt."""

    arguments = {'stores': STORES, 'config': changed(
        DEFAULT={'http_retries': 1, 'image_size_cap': 8 << 20,
                 'user_storage_quota': '1GB'},
        glance_ext={'download_read_timeout': 1, 'download_timeout': 60,
                    'download_connections': 4})}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = http.Server()
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.server.forget)
        self.image = self.glance.create()['id']
        self.before = self.rows(self.image)

    def fetch(self, uri, *stores, image=None, user=cases.ADMIN, **method):
        """Return the action of a download once it is over."""
        return self.run_import(image or self.image,
                               downloading(uri, *stores, **method),
                               user=user)

    def assertFetched(self, action, *stores, data=DATA, image=None,
                      failed=()):
        """The action ended well, and the image has the data."""
        image = image or self.image
        self.assertCopied(action, image, *stores, failed=failed, data=data)
        self.assertEqual(digests(data), fields(self.glance, image))
        self.assertEqual(set(stores), self.stores(image))
        self.assertEqual(len(data), self.glance.image(image)['size'])

    def assertNotFetched(self, action, code):
        """The action failed, and the image waits for data as before."""
        self.assertUndone(action, code, self.before, [])
        self.assertEqual('queued', self.glance.image(self.image)['status'])
        self.assertEqual([], staged(self.glance))


class FetchTest(DownloadCase):
    """What ends well."""

    def test_data_goes_straight_into_every_store(self):
        uri = self.server.serve('/image', DATA)
        action = self.fetch(uri, 'fast', 'slow')
        self.assertFetched(action, 'fast', 'slow')
        self.assertEqual('web-download', action['action_type'])

    def test_without_a_store_it_goes_into_the_default_one(self):
        self.assertFetched(self.fetch(self.server.serve('/image', DATA)),
                           'fast')

    def test_an_expected_digest_is_compared(self):
        uri = self.server.serve('/image', DATA)
        self.assertFetched(
            self.fetch(uri, 'slow', os_hash_algo='sha256',
                       os_hash_value=SHA256.upper()), 'slow')

    def test_a_file_of_digests_is_read(self):
        uri = self.server.serve('/d/image.raw', DATA)
        sums = self.server.serve(
            '/d/SHA256SUMS', f'{"0" * 64}  other\n{SHA256} *image.raw\n'
            .encode())
        self.assertFetched(self.fetch(uri, 'slow', hash_uri=sums), 'slow')

    def test_a_server_that_cuts_again_and_again_is_gone_on_with(self):
        data = bytes(Pattern(6 << 20)[:])
        for connections in ('ranges', 'one'):
            with self.subTest(connections):
                image = self.glance.create()['id']
                uri = self.server.serve(f'/cut-{connections}', data,
                                        cut_every=(1 << 20) + 7)
                self.assertFetched(self.fetch(uri, 'fast', image=image),
                                   'fast', data=data, image=image)

    def test_a_server_without_ranges_without_length(self):
        for number, how in enumerate((
                {'ranges': False}, {'framing': 'chunked'},
                {'framing': 'close', 'ranges': False})):
            with self.subTest(how):
                image = self.glance.create()['id']
                uri = self.server.serve(f'/{number}', DATA, **how)
                self.assertFetched(self.fetch(uri, 'fast', image=image),
                                   'fast', image=image)

    def test_no_data_is_an_image_of_no_bytes(self):
        uri = self.server.serve('/empty', b'')
        self.assertFetched(self.fetch(uri, 'fast'), 'fast', data=b'')

    def test_a_server_that_is_down_once_is_asked_again(self):
        uri = self.server.serve('/image', DATA, status=503, times=1)
        self.assertFetched(self.fetch(uri, 'fast'), 'fast')

    def test_a_redirect_to_an_allowed_place_is_followed(self):
        there = self.server.serve('/image', DATA)
        uri = self.server.serve('/old', b'', status=302, location=there)
        self.assertFetched(self.fetch(uri, 'fast'), 'fast')

    def test_a_store_that_fails_is_left_out_where_that_is_allowed(self):
        uri = self.server.serve('/image', DATA)
        self.glance.fault('raise', 'add', store='cold', image=self.image)
        body = {**downloading(uri, 'slow', 'cold'), 'allow_failure': True}
        self.assertFetched(self.run_import(self.image, body), 'slow',
                           failed=('cold',))

    def test_a_store_that_fails_once_is_written_in_the_end(self):
        uri = self.server.serve('/image', DATA)
        self.glance.fault('raise', 'add', store='cold', image=self.image,
                          times=1)
        self.assertFetched(self.fetch(uri, 'slow', 'cold'), 'cold', 'slow')

    def test_what_users_change_meanwhile_stays(self):
        action, fault = self.stalled(
            self.image, downloading(self.server.serve('/image', DATA),
                                    'fast'), 'add', at=65536)
        self.assertEqual('importing',
                         self.glance.image(self.image)['status'])
        self.patch(self.image,
                   {'op': 'replace', 'path': '/name', 'value': 'new'},
                   {'op': 'add', 'path': '/extra', 'value': 'yes'})
        self.assertFetched(self.go_on(action, fault), 'fast')
        found = self.glance.image(self.image)
        self.assertEqual(('new', 'yes'), (found['name'], found['extra']))

    def test_glances_events_and_ours_are_sent(self):
        self.fetch(self.server.serve('/image', DATA), 'fast')
        expected = {'image.prepare', 'image.upload', 'image.activate',
                    'image.update', 'image.import.start', 'image.import.end'}
        until(lambda: expected <= {
            kind for kind, _ in self.events(self.image)})


class FailTest(DownloadCase):
    """What ends badly, and leaves nothing."""

    def test_data_of_another_digest_never_becomes_the_image(self):
        uri = self.server.serve('/image', DATA)
        for algorithm in ('sha256', 'md5'):
            digest = hashlib.new(algorithm, b'other').hexdigest()
            self.assertNotFetched(
                self.fetch(uri, 'fast', 'slow', os_hash_algo=algorithm,
                           os_hash_value=digest), 'hash_mismatch')

    def test_a_file_of_digests_that_does_not_tell(self):
        uri = self.server.serve('/d/image.raw', DATA)
        sums = self.server.serve('/d/SUMS', f'{SHA256}  other\n'.encode())
        self.assertNotFetched(self.fetch(uri, hash_uri=sums),
                              'digest_unknown')

    def test_what_servers_do_wrong_has_a_code(self):
        for code, how in (
                ('remote_refused', {'status': 404}),
                ('remote_unavailable', {'status': 503}),
                ('source_changed', {'length_off_by': 100,
                                    'ranges': False}),
                ('remote_timeout', {'stall_at': 0})):
            with self.subTest(how):
                uri = self.server.serve('/bad', DATA, **how)
                self.assertNotFetched(self.fetch(uri, 'fast'), code)
                self.server.release('/bad')

    def test_two_versions_of_a_file_are_never_mixed(self):
        new = DATA[::-1]
        uri = self.server.serve('/new', DATA, becomes=new, cut_every=200_000)
        self.assertNotFetched(self.fetch(uri, 'fast'), 'source_changed')

    def test_a_server_that_crawls_is_given_up(self):
        uri = self.server.serve('/crawl', DATA, rate=100)
        begun = time.monotonic()
        self.assertNotFetched(self.fetch(uri, 'fast'), 'remote_timeout')
        self.assertLess(time.monotonic() - begun, 30)

    def test_a_redirect_to_a_refused_place_is_not_followed(self):
        for place in ('http://169.254.169.254/latest', 'http://[::1]/',
                      'file:///etc/passwd', 'http://u:p@127.0.0.1/'):
            with self.subTest(place):
                uri = self.server.serve('/away', b'', status=302,
                                        location=place)
                action = self.fetch(uri, 'fast')
                self.assertNotFetched(action, 'destination_refused')

    def test_more_than_an_image_may_have_ends_it(self):
        for number, how in enumerate(({}, {'framing': 'chunked'})):
            with self.subTest(how):
                uri = self.server.serve(f'/big{number}', (8 << 20) + 1, **how)
                self.assertNotFetched(self.fetch(uri, 'fast'),
                                      'source_too_large')

    def test_data_that_is_not_of_the_format_is_refused(self):
        if self.glance.release < 30:
            self.skipTest('Glance compares since 30')
        self.image = self.glance.create(disk_format='qcow2')['id']
        self.before = self.rows(self.image)
        uri = self.server.serve('/image', DATA)
        self.assertNotFetched(self.fetch(uri, 'fast'), 'invalid_image_data')

    def test_a_qcow2_with_a_backing_file_is_refused(self):
        self.image = self.glance.create(disk_format='qcow2')['id']
        self.before = self.rows(self.image)
        uri = self.server.serve('/image', backed())
        self.assertNotFetched(self.fetch(uri, 'fast'), 'invalid_image_data')

    def test_a_signature_that_cannot_be_verified_ends_it(self):
        self.image = self.glance.create(
            img_signature='c2lnbmF0dXJl',
            img_signature_hash_method='SHA-256',
            img_signature_key_type='RSA-PSS',
            img_signature_certificate_uuid=cases.ABSENT)['id']
        self.before = self.rows(self.image)
        uri = self.server.serve('/image', DATA)
        self.assertNotFetched(self.fetch(uri, 'fast'), 'signature_invalid')

    def test_all_stores_failing_is_a_failure_in_any_case(self):
        uri = self.server.serve('/image', DATA)
        self.glance.fault('raise', 'add', image=self.image, at=70_000)
        body = {**downloading(uri, 'slow', 'cold'), 'allow_failure': True}
        self.assertNotFetched(self.run_import(self.image, body),
                              'store_error')
        self.glance.clear_faults()
        # Nothing holds the image: it can be asked for again.
        self.assertFetched(self.fetch(uri, 'slow'), 'slow')

    def test_an_image_that_is_deleted_meanwhile_leaves_nothing(self):
        action, fault = self.stalled(
            self.image, downloading(self.server.serve('/image', DATA),
                                    'fast', 'slow'), 'add', at=65536)
        answer = self.glance.request('DELETE', f'/v2/images/{self.image}')
        self.assertEqual(204, answer.status)
        self.assertUndone(self.go_on(action, fault), 'image_deleted', None,
                          [])

    def test_a_cancelled_download_leaves_nothing(self):
        action, fault = self.stalled(
            self.image, downloading(self.server.serve('/image', DATA),
                                    'fast', 'slow'), 'add', at=65536)
        answer = self.glance.request('DELETE', f'/v2/image-actions/{action}')
        self.assertEqual(204, answer.status)
        self.assertNotFetched(self.go_on(action, fault), 'cancelled')


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


class PluginsTest(DownloadCase):
    """Glance's own import plugins, with data in staging for them."""

    arguments = {'stores': ('fast', 'slow', 'cold'), 'config': changed(
        image_import_opts={'image_import_plugins':
                           "['inject_image_metadata',"
                           "'image_decompression']"},
        inject_metadata_properties={'inject': 'made:by-plugin'},
        DEFAULT={'image_size_cap': 8 << 20})}

    def test_they_run_and_what_they_change_is_recorded_in_the_end(self):
        uri = self.server.serve('/image', DATA)
        image = self.glance.create(user=MEMBER)['id']
        action, fault = self.stalled(
            image, downloading(uri, 'fast', 'slow'), 'add', at=65536,
            store='fast')
        self.assertNotIn('made', self.glance.image(image))
        found = self.go_on(action, fault)
        self.assertFetched(found, 'fast', 'slow', image=image)
        # Administrators are left out of it by default.
        self.assertNotIn('made', self.glance.image(image))

    def test_metadata_is_injected_for_members(self):
        image = self.glance.create(user=MEMBER)['id']
        action = self.run_import(
            image, downloading(self.server.serve('/image', DATA), 'fast'),
            user=MEMBER)
        self.assertFetched(action, 'fast', image=image)
        self.assertEqual('by-plugin', self.glance.image(image)['made'])

    def test_a_failure_takes_back_what_they_have_changed(self):
        image = self.glance.create(user=MEMBER)['id']
        before = self.rows(image)
        self.glance.fault('raise', 'add', store='slow', image=image)
        action = self.run_import(
            image, downloading(self.server.serve('/image', DATA), 'fast',
                               'slow'), user=MEMBER)
        self.assertUndone(action, 'store_error', before, [])
        self.assertEqual([], staged(self.glance))

    def test_compressed_data_is_stored_as_it_was_before(self):
        import gzip
        packed = gzip.compress(DATA)
        image = self.glance.create()['id']
        action = self.fetch(
            self.server.serve('/image.gz', packed), 'fast', image=image,
            os_hash_algo='sha256',
            os_hash_value=hashlib.sha256(packed).hexdigest())
        self.assertFetched(action, 'fast', image=image)

    def test_what_is_too_large_unpacked_is_refused(self):
        import gzip
        uri = self.server.serve('/image.gz', gzip.compress(bytes(9 << 20)))
        self.assertNotFetched(self.fetch(uri, 'fast'), 'image_too_large')


def backed():
    """Return a qcow2 header that names a backing file."""
    header = bytearray(66_000)
    header[0:4] = b'QFI\xfb'
    header[4:8] = (3).to_bytes(4, 'big')
    header[8:16] = (512).to_bytes(8, 'big')
    header[16:20] = (11).to_bytes(4, 'big')
    header[20:24] = (16).to_bytes(4, 'big')
    header[24:32] = (1 << 20).to_bytes(8, 'big')
    header[100:104] = (104).to_bytes(4, 'big')
    header[512:523] = b'/etc/passwd'
    return bytes(header)
