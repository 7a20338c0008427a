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
"""A writer that has lost its action does nothing more in a store."""

import contextlib
import dataclasses
import os
import pathlib
import tempfile
import threading
import types
import unittest
from unittest import mock

from glance_store import exceptions

from glance_ext import errors
from glance_ext.stores import clearing
from glance_ext.stores import fencing
from glance_ext.stores import fixture
from glance_ext.stores import publishing
from glance_ext.stores import traits
from glance_ext.stores import writing
from glance_ext.transfer import feed
from glance_ext.transfer import pump
from tests.conformance import cases
from tests.harness.backends import stores
from tests.unit.stores import schedules
from tests.unit.stores.test_writing import DATA
from tests.unit.stores.test_writing import FOREIGN
from tests.unit.stores.test_writing import IMAGE
from tests.unit.stores.test_writing import WritingCase

Fault = fixture.Fault


class SourceTest(unittest.TestCase):
    def setUp(self):
        self.owner, self.feed = fixture.Owner(), feed.Feed()
        self.feed.put(b'abc', 1)
        self.feed.end()
        self.enterContext(mock.patch.object(fencing, '_LOOK', 0.01))

    def source(self, parks=False):
        return fencing.Source(self.feed, self.owner, parks)

    def test_gives_what_the_feed_has(self):
        source = self.source()
        self.assertEqual([b'ab', b'c', b''],
                         [source.read(2) for _ in range(3)])
        self.feed = feed.Feed()
        self.feed.put(b'abc', 1)
        self.feed.end()
        self.assertEqual([b'abc'], list(self.source()))

    def test_gives_nothing_in_doubt_and_goes_on_afterwards(self):
        for take in (lambda: self.source().read(2),
                     lambda: next(iter(self.source()))):
            self.setUp()
            self.owner.ours = False
            taken = []
            thread = threading.Thread(target=lambda: taken.append(take()))
            thread.start()
            thread.join(0.1)
            self.assertEqual([], taken)
            self.owner.ours = True
            thread.join(10)
            self.assertEqual(b'ab', taken[0][:2])
            self.doCleanups()

    def test_ends_as_the_feed_does_where_a_driver_is_known(self):
        self.owner.ours = False
        self.feed.abort(pump.Cancelled('lost'))
        for take in (self.source().read, iter(self.source()).__next__):
            with self.assertRaises(pump.Cancelled):
                take()

    def test_never_ends_where_nobody_knows_what_a_driver_would_do(self):
        class Parked(BaseException):
            pass

        self.feed.abort(pump.Cancelled('lost'))
        for ours, kind in ((True, pump.Cancelled), (False, Parked)):
            self.owner.ours = ours
            for take in (self.source(parks=True).read,
                         iter(self.source(parks=True)).__next__):
                with (mock.patch.object(fencing.threading.Event, 'wait',
                                        side_effect=Parked),
                      self.assertRaises(kind)):
                    take()


class LostCase(WritingCase):
    """The action is lost in the middle of the bytes, and ended elsewhere."""

    def setUp(self):
        self.owner = fixture.Owner()
        self.enterContext(mock.patch.object(fencing, '_LOOK', 0.01))

    def transaction(self):
        return writing.Transaction(IMAGE, None, self.owner)

    def lose(self):
        self.owner.ours = False

    def chunks(self):
        yield from cases.cut(DATA[:100_000])
        self.lose()
        raise cases.Broken

    def write_and_lose(self, **options):
        with self.transaction() as transaction:
            self.names = transaction.draw_names(self.stores)
            with self.assertRaises(cases.Broken):
                self.write(transaction, chunks=self.chunks(), **options)
        self.tearDown()
        return transaction


class FileTest(LostCase):
    options = {}

    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory()))
        self.stores = ['disk']
        self.enterContext(stores.multi_store({'disk:file': {
            'filesystem_store_datadir': str(self.directory),
            **self.options}}))

    def found(self):
        return {path.name: path.read_bytes()
                for path in self.directory.iterdir()}

    def lose(self):
        super().lose()
        (self.directory / IMAGE).write_bytes(FOREIGN)

    def test_what_the_next_owner_recorded_stays(self):
        for size in (len(DATA), None):
            with self.subTest(size):
                self.owner.ours = True
                self.write_and_lose(size=size)
                self.assertEqual({IMAGE: FOREIGN}, self.found())
                (self.directory / IMAGE).unlink()

    def test_it_stays_where_the_driver_fails_by_itself(self):
        def fail(*arguments, **options):
            self.lose()
            raise OSError
        with (mock.patch('glance_store.common.utils.chunkreadable',
                         side_effect=fail),
              self.transaction() as transaction):
            self.assertIsInstance(
                self.write(transaction)['disk'], errors.StoreError)
        self.assertEqual({IMAGE: FOREIGN}, self.found())

    def test_a_copy_that_is_whole_comes_too_late(self):
        for event in ('cleared', 'published'):
            with self.subTest(event):
                def size(driver, where, context, event=event):
                    # The last thing before it gets the image's id.
                    found = os.path.getsize(where.store_location.path)
                    if event == 'published':
                        (self.directory / IMAGE).write_bytes(FOREIGN)
                    else:
                        os.unlink(where.store_location.path)
                    return found
                known = dataclasses.replace(traits._TRAITS['file'], size=size)
                with (mock.patch.dict(traits._TRAITS, file=known),
                      self.transaction() as transaction):
                    found = self.write(transaction)['disk']
                self.assertIsInstance(found, errors.StoreError)
                self.assertEqual({} if event == 'cleared'
                                 else {IMAGE: FOREIGN}, self.found())
                (self.directory / IMAGE).unlink(missing_ok=True)

    def test_a_whole_copy_has_the_id_of_the_image_and_nothing_else(self):
        with self.transaction() as transaction:
            written = self.write(transaction)['disk']
            transaction.commit('disk')
        self.assertEqual(f'file://{self.directory / IMAGE}', written.url)
        self.assertEqual({IMAGE: DATA}, self.found())

    def test_nothing_of_its_own_is_deleted_once_it_is_lost(self):
        with self.transaction() as transaction:
            self.write(transaction)
            self.owner.ours = False
        self.assertEqual({IMAGE: DATA}, self.found())
        self.assertEqual(['disk'], transaction.left)

    def test_what_it_began_is_cleared_by_the_name_that_was_noted(self):
        name = f'{IMAGE}.abc'
        for each in (name, IMAGE, f'{IMAGE}.other'):
            (self.directory / each).touch()
        clearing.clear_name('disk', IMAGE, name, None, self.owner.confirm)
        self.assertEqual({IMAGE, f'{IMAGE}.other'}, set(self.found()))
        (self.directory / name).touch()
        clearing.clear('disk', IMAGE, None, self.owner.confirm, name=name)
        self.assertEqual({f'{IMAGE}.other'}, set(self.found()))


class PermittedFileTest(FileTest):
    options = {'filesystem_store_file_perm': '640',
               'filesystem_thin_provisioning': 'true'}

    def test_a_whole_copy_has_the_id_of_the_image_and_nothing_else(self):
        super().test_a_whole_copy_has_the_id_of_the_image_and_nothing_else()
        self.assertEqual(
            0o640, (self.directory / IMAGE).stat().st_mode & 0o777)


class SeveralDirectoriesTest(unittest.TestCase):
    def test_a_copy_stays_in_the_directory_where_it_was_written(self):
        with (tempfile.TemporaryDirectory() as one,
              tempfile.TemporaryDirectory() as two,
              stores.multi_store({'disk:file': {
                  'filesystem_store_datadir': '',
                  'filesystem_store_datadirs': [f'{one}:10', f'{two}:20']}}),
              writing.Transaction(IMAGE, None, fixture.Owner()
                                  ) as transaction):
            found, _digests = cases.write(
                transaction, cases.cut(DATA), ['disk'], len(DATA))
            transaction.commit('disk')
            self.assertEqual(f'file://{two}/{IMAGE}', found['disk'].url)
            self.assertEqual([], os.listdir(one))
            self.assertEqual([IMAGE], os.listdir(two))


class PublishTest(unittest.TestCase):
    """What the file system says when a file is to get its final name."""

    def setUp(self):
        self.directory = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory()))
        self.made = self.directory / 'image.abc'
        self.made.write_bytes(DATA)
        self.final = self.directory / IMAGE

    def publish(self):
        publishing.file(None, f'file://{self.made}', self.made.name, IMAGE)

    def without_links(self):
        return mock.patch.object(os, 'link', side_effect=OSError(
            publishing._NO_LINKS[1], 'no links'))

    def assert_published(self):
        self.assertEqual([self.final], list(self.directory.iterdir()))
        self.assertEqual(DATA, self.final.read_bytes())

    def test_it_is_linked_or_renamed(self):
        self.publish()
        self.assert_published()
        self.final.rename(self.made)
        with self.without_links():
            self.publish()
        self.assert_published()

    def test_nothing_is_overwritten(self):
        self.final.write_bytes(FOREIGN)
        for how in (contextlib.nullcontext(), self.without_links()):
            with how, self.assertRaises(exceptions.Duplicate):
                self.publish()
        self.assertEqual(FOREIGN, self.final.read_bytes())

    def test_a_link_whose_answer_got_lost_is_made(self):
        os.link(self.made, self.final)
        self.publish()
        self.assert_published()

    def test_what_was_cleared_is_not_published(self):
        self.made.unlink()
        for how in (contextlib.nullcontext(), self.without_links()):
            with how, self.assertRaises(FileNotFoundError):
                self.publish()
        self.assertEqual([], list(self.directory.iterdir()))


class UnknownDriverTest(LostCase):
    """One that deletes what it began when its source fails, by its name."""

    def lose(self):
        super().lose()
        self.store.objects[IMAGE] = bytearray(FOREIGN)

    def test_its_thread_is_parked_and_deletes_nothing(self):
        parked = threading.Event()
        self.addCleanup(parked.set)
        self.store, = self.hold(a=[])
        events = mock.Mock(**{'Event.return_value': parked})
        with (mock.patch.object(fencing, 'threading', events),
              mock.patch.dict(pump.pump.__kwdefaults__, grace=0.2),
              self.transaction() as transaction,
              self.assertRaises(cases.Broken)):
            self.write(transaction, chunks=self.chunks())
        self.assertTrue(schedules.living())
        self.assertEqual(FOREIGN, self.store.objects[IMAGE][:len(FOREIGN)])
        parked.set()


class UndoTest(WritingCase):
    """A process that comes back in the middle of an undo."""

    def test_nothing_more_is_deleted(self):
        store, = self.hold(a=fixture.Store(tidy=False))
        owner = fixture.Owner()
        found = []

        def leftovers(driver, name, context):
            for number in range(3):
                yield
                found.append(number)
                owner.ours = number < 1
        store.glance_ext_traits = traits.Traits(
            occupied=lambda *arguments: True, leftovers=leftovers)
        with self.assertRaises(fencing.NotOwnerError):
            clearing.clear('a', IMAGE, None, owner.confirm)
        self.assertEqual([0, 1], found)

    def test_nothing_is_where_the_traits_know_no_steps(self):
        store, = self.hold(a=fixture.Store(tidy=False))
        leftovers = mock.Mock(return_value=None)
        store.glance_ext_traits = traits.Traits(
            occupied=lambda *arguments: True, leftovers=leftovers)
        owner = fixture.Owner()
        clearing.clear('a', IMAGE, None, owner.confirm)
        owner.ours = False
        with self.assertRaises(fencing.NotOwnerError):
            clearing.clear('a', IMAGE, None, owner.confirm)
        leftovers.assert_called_once()


class SwiftGuardTest(unittest.TestCase):
    def test_the_driver_asks_before_each_segment_that_it_deletes(self):
        class Driver:
            def __init__(self):
                self.gone = []

            def _delete_stale_chunks(self, connection, container, chunks):
                self.gone += chunks
                owner.ours = len(self.gone) < 2

        owner, driver = fixture.Owner(), Driver()
        guarded = traits._TRAITS['swift'].guard(driver, owner.confirm)
        guarded._delete_stale_chunks('connection', 'images', ['1', '2', '3'])
        self.assertEqual(['1', '2'], driver.gone)
        self.assertEqual(3, owner.asked)

    def test_what_it_guards_is_there(self):
        from glance_store._drivers.swift import store
        self.assertTrue(callable(store.BaseStore._delete_stale_chunks))
        with self.assertRaises(AttributeError):
            traits._TRAITS['swift'].guard(types.SimpleNamespace(), None)
