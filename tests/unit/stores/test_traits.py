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

import pathlib
import tempfile
import types
import unittest

from glance_ext.stores import drivers
from glance_ext.stores import fixture
from glance_ext.stores import traits
from tests.harness.backends import stores


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
            traits.Traits(leftovers=lambda driver, image_id, context: None)


class TestSwift(unittest.TestCase):

    def test_size_that_leaves_a_remainder_is_not_told(self):
        driver = types.SimpleNamespace(large_object_size=100,
                                       large_object_chunk_size=30)
        tell = traits._TRAITS['swift'].size_to_tell
        for size, told in ((0, 0), (99, 99), (100, 0), (120, 120),
                           (121, 0), (150, 150)):
            with self.subTest(size):
                self.assertEqual(told, tell(driver, size))


class TestFile(unittest.TestCase):

    def check(self, directories, options):
        with stores.multi_store({'disk:file': options}):
            driver = drivers.of_store('disk')
            habits = traits.of(driver)
            self.assertFalse(habits.occupied(driver, 'image', None))
            habits.leftovers(driver, 'image', None)
            for directory in directories:
                held = pathlib.Path(directory, 'image')
                held.touch()
                self.assertTrue(habits.occupied(driver, 'image', None))
                habits.leftovers(driver, 'image', None)
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
        habits.leftovers(store, 'image', None)
        self.assertEqual({}, store.objects)
