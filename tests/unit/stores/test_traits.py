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
"""The habits that are known, and those that a driver brings along."""

import functools
import pathlib
import tempfile
import types
import unittest
from unittest import mock

from glance_store import exceptions
from swiftclient import exceptions as swift_exceptions

from glance_ext.stores import drivers
from glance_ext.stores import fixture
from glance_ext.stores import traits
from tests.harness.backends import stores


def clean(habits, driver, name, context, steps=99):
    """Delete what is left under a name, in so many steps at the most."""
    left = habits.leftovers(driver, name, context)
    for _each, _number in zip(left, range(steps), strict=False):
        pass


class Driver:
    def __init__(self, *schemes):
        self.schemes = schemes

    def get_schemes(self):
        return self.schemes


class TestOf(unittest.TestCase):

    def test_driver_is_known_by_its_scheme(self):
        for schemes, known in (
                (('file', 'filesystem'), 'file'), (('http', 'https'), 'http'),
                (('swift+https', 'swift', 'swift+http'), 'swift'),
                (('s3', 's3+http', 's3+https'), 's3')):
            with self.subTest(schemes):
                self.assertIs(traits._TRAITS[known],
                              traits.of(Driver(*schemes)))

    def test_unknown_driver_is_taken_at_its_word(self):
        self.assertEqual(traits.Traits(), traits.of(Driver('tape')))

    def test_driver_brings_its_own(self):
        driver = Driver('rbd')
        driver.glance_ext_traits = traits.Traits(read_only=True)
        self.assertTrue(traits.of(driver).read_only)
        driver.glance_ext_traits = 'anything else'
        self.assertIs(traits._TRAITS['rbd'], traits.of(driver))

    def test_leftovers_of_what_may_be_somebody_elses_are_refused(self):
        with self.assertRaises(ValueError):
            traits.Traits(leftovers=lambda driver, image_id, context: iter(()))


class TestSwift(unittest.TestCase):

    def test_size_that_leaves_a_remainder_is_not_told(self):
        driver = types.SimpleNamespace(large_object_size=100,
                                       large_object_chunk_size=30)
        tell = traits._TRAITS['swift'].size_to_tell
        for size, told in ((0, 0), (99, 99), (100, 0), (120, 120),
                           (121, 0), (150, 150)):
            with self.subTest(size):
                self.assertEqual(told, tell(driver, size))


class SwiftConnection:
    """The container ``images`` with these objects; names that break."""

    def __init__(self, objects, broken=()):
        self.objects = dict.fromkeys(objects, 3)
        self.broken = dict(broken)

    def get_container(self, container, prefix, limit=None,
                      full_listing=False):
        self.meet(container)
        names = sorted(name for name in self.objects
                       if name.startswith(prefix))
        listed = [{'name': name} for name in names]
        return {}, listed[:limit] if not full_listing else listed

    def delete_object(self, container, name):
        self.meet(name)
        del self.objects[name]

    def head_object(self, container, name):
        self.meet(name)
        return {'content-length': str(self.objects[name])}

    def meet(self, name):
        if name in self.broken:
            raise swift_exceptions.ClientException(
                'no', http_status=self.broken[name])


class TestSwiftObjects(unittest.TestCase):

    def driver(self, *objects, **broken):
        self.connection = SwiftConnection(objects, broken)
        self.where = types.SimpleNamespace(container='images', obj='image')
        return types.SimpleNamespace(
            create_location=lambda image_id, context: self.where,
            get_connection=lambda where, context: self.connection)

    def test_its_segments_go_and_nothing_else(self):
        driver = self.driver('image', 'image-00001', 'image-00002', 'image2',
                             'imag', 'image_x')
        self.assertTrue(traits._TRAITS['swift'].occupied(
            driver, 'image', None))
        clean(traits._TRAITS['swift'], driver, 'image', None)
        self.assertEqual({'image2', 'imag', 'image_x'},
                         set(self.connection.objects))

    def test_what_is_not_there_needs_no_cleaning(self):
        driver = self.driver('image', 'image-1', image=404)
        clean(traits._TRAITS['swift'], driver, 'image', None)
        self.assertEqual({'image'}, set(self.connection.objects))
        driver = self.driver('image', images=404)
        clean(traits._TRAITS['swift'], driver, 'image', None)
        self.assertFalse(traits._TRAITS['swift'].occupied(
            driver, 'image', None))

    def test_every_other_answer_is_an_error(self):
        habits = traits._TRAITS['swift']
        for call in habits.occupied, functools.partial(clean, habits):
            with self.assertRaises(swift_exceptions.ClientException):
                call(self.driver('image', images=503), 'image', None)

    def test_size_of_what_is_there(self):
        size = traits._TRAITS['swift'].size
        driver = self.driver('image', gone=404, ill=500)
        place = types.SimpleNamespace(store_location=self.where)
        self.assertEqual(3, size(driver, place, None))
        self.where.obj = 'gone'
        with self.assertRaises(exceptions.NotFound):
            size(driver, place, None)
        self.where.obj = 'ill'
        with self.assertRaises(swift_exceptions.ClientException):
            size(driver, place, None)


class TestS3(unittest.TestCase):

    def test_its_uploads_are_aborted_and_nobody_elses(self):
        client = mock.Mock()
        client.get_paginator.return_value.paginate.return_value = [
            {'Uploads': [{'Key': key, 'UploadId': f'of {key}'}
                         for key in ('image', 'image2', 'imag')]}, {}]
        driver = types.SimpleNamespace(
            bucket='b', _create_s3_client=lambda: client,
            _object_exists=lambda *where: where == (client, 'b', 'image'))
        habits = traits._TRAITS['s3']
        clean(habits, driver, 'image', None)
        client.abort_multipart_upload.assert_called_once_with(
            Bucket='b', Key='image', UploadId='of image')
        client.delete_object.assert_called_once_with(Bucket='b', Key='image')
        self.assertEqual([True, False], [
            habits.occupied(driver, name, None)
            for name in ('image', 'image2')])


class TestCinder(unittest.TestCase):

    def setUp(self):
        self.attached = {'one': ['a', 'b']}
        self.volumes = [
            self.volume('one'), self.volume('two', 'deleting'),
            self.volume('three', of='other'), self.volume('four', 'error')]
        cloud = types.SimpleNamespace(
            volumes=types.SimpleNamespace(
                list=self.list, get=self.get),
            attachments=types.SimpleNamespace(
                list=lambda search_opts: [
                    types.SimpleNamespace(id=name) for name in
                    self.attached.get(search_opts['volume_id'], ())],
                delete=self.detach))
        self.driver = types.SimpleNamespace(
            get_cinderclient=lambda context, version=None: cloud)
        self.detached = []

    def volume(self, name, status='available', of='image', **more):
        return types.SimpleNamespace(
            id=name, status=status, size=2,
            metadata={'glance_image_id': of, **more},
            delete=lambda: self.detached.append(f'volume {name}'))

    def list(self, search_opts):
        self.assertEqual({'name': 'image-image'}, search_opts)
        return self.volumes

    def get(self, name):
        return next(each for each in self.volumes if each.id == name)

    def detach(self, name):
        self.detached.append(name)

    def test_the_volumes_of_the_image_are_detached_and_deleted(self):
        habits = traits._TRAITS['cinder']
        self.assertTrue(habits.occupied(self.driver, 'image', None))
        clean(habits, self.driver, 'image', None)
        self.assertEqual(['a', 'b', 'volume one', 'volume four'],
                         self.detached)
        self.volumes = self.volumes[1:3]
        self.assertFalse(habits.occupied(self.driver, 'image', None))

    def test_size_of_the_image_or_of_the_volume(self):
        class NotFound(Exception):
            pass

        client = types.ModuleType('cinderclient')
        client.exceptions = types.ModuleType('cinderclient.exceptions')
        client.exceptions.NotFound = NotFound
        size = traits._TRAITS['cinder'].size
        place = types.SimpleNamespace(
            store_location=types.SimpleNamespace(volume_id='one'))
        with mock.patch.dict('sys.modules', {
                'cinderclient': client,
                'cinderclient.exceptions': client.exceptions}):
            self.assertEqual(2 << 30, size(self.driver, place, None))
            self.volumes[0] = self.volume('one', image_size='17')
            self.assertEqual(17, size(self.driver, place, None))
            self.get = mock.Mock(side_effect=NotFound)
            self.driver.get_cinderclient(None).volumes.get = self.get
            with self.assertRaises(exceptions.NotFound):
                size(self.driver, place, None)


class TestFile(unittest.TestCase):

    def check(self, directories, options):
        with stores.multi_store({'disk:file': options}):
            driver = drivers.of_store('disk')
            habits = traits.of(driver)
            self.assertFalse(habits.occupied(driver, 'image', None))
            clean(habits, driver, 'image', None)
            for directory in directories:
                held = pathlib.Path(directory, 'image')
                held.touch()
                self.assertTrue(habits.occupied(driver, 'image', None))
                clean(habits, driver, 'image', None)
                self.assertFalse(held.exists())

    def test_one_directory(self):
        with tempfile.TemporaryDirectory() as one:
            self.check([one], {'filesystem_store_datadir': one})

    def test_takes_chunks_unless_it_looks_for_zeros(self):
        with tempfile.TemporaryDirectory() as one:
            for thin in (False, True):
                with stores.multi_store({'disk:file': {
                        'filesystem_store_datadir': one,
                        'filesystem_thin_provisioning': str(thin)}}):
                    driver = drivers.of_store('disk')
                    self.assertEqual(
                        not thin, traits.of(driver).takes_chunks(driver))

    def test_several_directories(self):
        with (tempfile.TemporaryDirectory() as one,
              tempfile.TemporaryDirectory() as two):
            self.check([one, two], {
                'filesystem_store_datadir': '',
                'filesystem_store_datadirs': [f'{one}:10', f'{two}:20']})


class TestFixture(unittest.TestCase):

    def test_untidy_store_says_what_to_clean(self):
        store = fixture.Store(tidy=False)
        habits = traits.of(store)
        store.objects['image'] = bytearray(b'partial')
        self.assertTrue(habits.occupied(store, 'image', None))
        clean(habits, store, 'image', None)
        self.assertEqual({}, store.objects)
