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
"""What lies elsewhere becomes the data of an image."""

import hashlib
from unittest import mock

from glance_store import exceptions

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.host import copies
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.plugins import web_download
from glance_ext.stores import fixture
from glance_ext.stores.fixture import Fault
from tests.functional import disks
from tests.unit import stored
from tests.unit.stored import ACTION
from tests.unit.stored import IMAGE

DATA = disks.noise(disks.MIB // 4)
SIZE = len(DATA)
SHA256 = hashlib.sha256(DATA).hexdigest()
SHA512 = hashlib.sha512(DATA).hexdigest()
URI = 'https://example.com/disk'
FULL = Fault('add', 'raise', error=exceptions.StorageFull)


class Elsewhere:
    """A download of some bytes."""

    seeks = False

    def __init__(self, data, size):
        self.data, self.size = data, size
        self.is_closed = False

    def __str__(self):
        return 'the server'

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def open(self):
        pass

    def chunks(self, offset=0):
        yield self.data[offset:]

    def close(self):
        self.is_closed = True


class Case(stored.StoredCase):
    """The image waits for its data, for ``fast`` and ``slow``."""

    def setUp(self):
        super().setUp()
        self.data, self.size, self.sums = DATA, SIZE, b''
        self.downloads = []
        self.enterContext(mock.patch.object(
            web_download, 'download', self.download))
        self.plugin = web_download.WebDownload()

    def download(self, run, url, limit):
        data = self.data if url.startswith(URI) else self.sums
        self.downloads.append((url, Elsewhere(data, self.size)))
        return self.downloads[-1][1]

    def have(self, *faults, whole=True, **method):
        self.install(fast=fixture.Store(tidy=False),
                     slow=fixture.Store(faults, tidy=False))
        self.add_image('importing', id=IMAGE, disk_format='raw',
                       container_format='bare')
        kept, secrets = self.plugin.keep({'uri': URI} | method)
        self.run_ = self.start(self.add_action(
            'web-download', stores=['fast', 'slow'], method=kept,
            all_stores_must_succeed=whole), ('importing',))
        self.run_._secrets = secrets

    def refused(self, kind, message):
        with self.assertRaises(errors.ActionError) as failure:
            self.plugin.run(self.run_)
        self.assertEqual((kind, message), (
            type(failure.exception), failure.exception.message))

    def imported(self, *stores):
        self.plugin.run(self.run_)
        self.assertEqual({store: DATA if store in stores else None
                          for store in self.stores}, self.held())
        self.assertEqual(set(stores), set(self.recorded()))
        image = images.read(IMAGE)
        self.assertEqual(('active', SIZE, 'sha512', SHA512), (
            image.status, image.size, image.os_hash_algo,
            image.os_hash_value))
        self.assertEqual('', copies.importing(IMAGE))
        self.assertIsNone(locks.holder(IMAGE))
        self.assertTrue(all(one.is_closed for _, one in self.downloads))
        return self.run_.action.result


class ImportedTest(Case):
    def test_into_every_store(self):
        self.have()
        self.assertEqual((['fast', 'slow'], []), (
            self.imported('fast', 'slow')['stores'],
            self.run_.action.result['failed_stores']))
        self.assertEqual(
            ['image.prepare', 'image.activate', 'image.upload',
             'image.update'],
            [call.args[0] for call in self.sent.mock_calls])

    def test_by_the_algorithm_that_it_began_with(self):
        self.have()
        self.options.config(hashing_algorithm='sha256')
        self.imported('fast', 'slow')

    def test_of_a_server_that_does_not_tell_the_size(self):
        self.size = None
        self.have()
        self.imported('fast', 'slow')

    def test_where_one_store_may_do_without(self):
        self.have(FULL, whole=False)
        self.assertEqual(['slow'], self.imported('fast')['failed_stores'])

    def test_with_the_digest_that_was_asked_for(self):
        self.have(os_hash_algo='sha256', os_hash_value=SHA256.upper())
        self.imported('fast', 'slow')

    def test_with_the_digest_that_a_file_lists(self):
        self.sums = f'{SHA256}  disk\n'.encode()
        self.have(hash_uri='https://example.com/SHA256SUMS')
        self.imported('fast', 'slow')

    def test_the_query_is_no_part_of_the_row(self):
        self.have(uri=f'{URI}?token=x')
        self.assertEqual(f'{URI}?', self.run_.action.spec['method']['uri'])
        self.imported('fast', 'slow')
        self.assertEqual([f'{URI}?token=x'],
                         [url for url, _ in self.downloads])


class RefusedTest(Case):
    def undone(self):
        self.run_.fail(errors.InternalError('it failed'))
        self.run_.turn_back()
        self.plugin.undo(self.run_)
        self.run_.end_failed(self.plugin.roll_back)
        self.assertEqual({'fast': None, 'slow': None}, self.held())
        self.assertEqual('queued', images.read(IMAGE).status)

    def test_nothing_is_left_where_one_store_fails(self):
        self.have(FULL)
        self.refused(errors.StoreFull, "store 'slow' is full: StorageFull")
        self.undone()

    def test_another_digest_than_was_asked_for(self):
        self.have(os_hash_algo='sha256', os_hash_value='0' * 64)
        self.refused(errors.HashMismatch,
                     'The sha256 of the data in the server is not the one '
                     'that is recorded; nothing was changed')
        self.undone()

    def test_a_list_of_digests_that_this_host_cannot_calculate(self):
        self.have(hash_uri='https://example.com/sums')
        with mock.patch.object(web_download.sums, 'find',
                               lambda *_: ('tiger', '0')):
            self.refused(errors.HashUnverifiable,
                         "The file of digests has one by 'tiger', which "
                         "this host does not have")

    def test_an_image_that_has_data_already(self):
        self.have()
        self.add_copy('fast', None)
        self.refused(errors.StoreOccupied,
                     "The image waits for data, and has some already: "
                     "store 'fast'")

    def before_the_end(self, call):
        write = self.run_.write

        def late(phase, *arguments, **named):
            if phase == record.WRITING:
                call()
            return write(phase, *arguments, **named)
        self.run_.write = late

    def test_the_lock_is_lost(self):
        self.have()
        self.before_the_end(lambda: self.do(locks.drop, IMAGE, ACTION))
        self.refused(errors.ImageChanged,
                     'The action lost the lock of the image')
        self.assertEqual(({}, {'fast': None, 'slow': None}), (
            self.run_.action.result, self.held()))


class ConversionTest(Case):
    """With a plugin of Glance's that makes another file."""

    def convert(self, made):
        def run(file, changes, *rest):
            target = file.with_name('made')
            target.write_bytes(made)
            return target
        self.enterContext(mock.patch.object(
            web_download.import_plugins, 'names', lambda: ['convert']))
        self.enterContext(mock.patch.object(
            web_download.import_plugins, 'run', run))
        self.have()

    def test_what_was_made_is_stored(self):
        self.data = b'something else'
        self.size = len(self.data)
        self.convert(DATA)
        self.imported('fast', 'slow')

    def test_what_was_made_may_be_too_large(self):
        self.convert(DATA + b'!')
        self.options.config(image_size_cap=SIZE)
        self.refused(errors.ImageTooLarge,
                     f'The data is more than {SIZE} bytes after conversion, '
                     'which image_size_cap does not allow')


class RequestTest(Case):
    def test_what_does_not_fit_together(self):
        for method, why in (
                ({}, "web-download needs a 'uri'"),
                ({'uri': URI, 'os_hash_algo': 'sha256'},
                 "'os_hash_algo' and 'os_hash_value' go together"),
                ({'uri': URI, 'os_hash_algo': 'sha512',
                  'os_hash_value': SHA256},
                 "'os_hash_value' is no digest of 'os_hash_algo'"),
                ({'uri': URI, 'os_hash_algo': 'sha256', 'hash_uri': URI,
                  'os_hash_value': SHA256},
                 "'hash_uri' and 'os_hash_value' exclude each other")):
            with self.assertRaises(ValueError) as refusal:
                self.plugin.keep(method)
            self.assertEqual(why, str(refusal.exception))

    def test_only_an_image_that_waits_is_imported(self):
        self.add_image('queued', id=IMAGE)
        self.assertTrue(self.do(self.plugin.prepare, IMAGE))
        self.assertEqual('importing', images.read(IMAGE).status)
        self.assertFalse(self.do(self.plugin.prepare, IMAGE))

    def test_who_may_ask(self):
        allowed = mock.Mock()
        self.plugin.require(allowed)
        allowed.modify_image.assert_called_once_with()


class LookAfterTest(Case):
    def test_an_image_that_a_stale_save_took_back_is_active_again(self):
        self.have()
        self.imported('fast', 'slow')
        before = images.read(IMAGE)
        self.set_image(status='importing', size=None, checksum=None,
                       os_hash_algo=None, os_hash_value=None)
        for _ in range(2):
            self.plugin.look_after([self.run_.action])
            self.assertEqual(before, images.read(IMAGE))
