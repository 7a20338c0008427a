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
"""Downloads into images: how they end, well and badly."""

import hashlib
import time

from tests.functional import cases
from tests.functional.download_life import SHA256
from tests.functional.download_life import DownloadCase
from tests.functional.hash_life import DATA
from tests.functional.hash_life import until
from tests.functional.import_life import downloading
from tests.harness.backends.behaviour import Pattern


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

    def test_the_lists_follow_the_stores(self):
        action, fault = self.stalled(
            self.image, downloading(self.server.serve('/image', DATA),
                                    'fast', 'slow'), 'add', store='slow')
        until(lambda: self.lists(self.image) == ('slow', ''))
        self.assertFetched(self.go_on(action, fault), 'fast', 'slow')

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
        if self.glance.release < 30:
            self.skipTest('Glance looks at data on its way since 30')
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
                              'store_unavailable')
        self.glance.clear_faults()
        # Nothing holds the image: it can be asked for again.
        self.assertFetched(self.fetch(uri, 'slow'), 'slow')

    def test_data_that_is_there_already_does_not_become_a_copy(self):
        # As an upload leaves it that Glance refuses for its format.
        self.image = self.glance.upload(b'refused')
        self.glance.sql("update images set status = 'queued' where id = ?",
                        (self.image,))
        before = self.rows(self.image)
        uri = self.server.serve('/image', DATA)
        for store in ('fast', 'slow'):
            action = self.fetch(uri, store)
            self.assertUndone(action, 'store_occupied', before,
                              [f'fast/{self.image}'])
            self.assertEqual(b'refused', self.glance.store_file(
                'fast', self.image).read_bytes())

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
