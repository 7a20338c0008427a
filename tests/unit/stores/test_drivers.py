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
"""The way to a driver, and what becomes of its exceptions."""

import threading
import types
import unittest
from unittest import mock

from glance_store import exceptions

from glance_ext import errors
from glance_ext.host.images import Location
from glance_ext.stores import drivers
from glance_ext.stores import fixture

SECRET = 'user:password@host'


class ReadTimedOut(Exception):
    pass


class TestNeedsToken(unittest.TestCase):
    """What acts with the caller's token has no account of its own."""

    def ask(self, kind, several=True, **options):
        group = types.SimpleNamespace(
            default_store=kind, swift_store_multi_tenant=False)
        vars(group).update(options)
        conf = mock.MagicMock(
            enabled_backends={'one': kind} if several else {},
            glance_store=group)
        conf.__getitem__.side_effect = {'one': group}.__getitem__
        with mock.patch.object(drivers.cfg, 'CONF', conf):
            return drivers.needs_token('one' if several else '')

    def test_swift_of_many_tenants(self):
        for several in (True, False):
            self.assertTrue(self.ask(
                'swift', several, swift_store_multi_tenant=True))
            self.assertFalse(self.ask('swift', several))

    def test_cinder_without_all_of_an_account(self):
        account = {f'cinder_store_{name}': 'x' for name in (
            'auth_address', 'user_name', 'project_name', 'password')}
        credential = {f'cinder_store_{name}': 'x' for name in (
            'auth_address', 'application_credential_id',
            'application_credential_secret')}
        for options in account, credential:
            self.assertFalse(self.ask('cinder', **options))
            options.popitem()
            self.assertTrue(self.ask('cinder', **options))

    def test_others_and_one_that_is_gone(self):
        for kind in ('file', 'rbd', 's3', 'http'):
            self.assertFalse(self.ask(kind))
        with fixture.stores({'one': fixture.Store()}):
            self.assertFalse(drivers.needs_token('gone'))


class TestKnown(unittest.TestCase):
    """What an operator enabled, without what Glance keeps for itself."""

    def ask(self, enabled):
        conf = mock.Mock(enabled_backends=enabled)
        with mock.patch.object(drivers.cfg, 'CONF', conf):
            return drivers.known(), drivers.writable()

    def test_several_stores(self):
        self.assertEqual(
            (['web', 'disk', 'ceph', 'net'], ['disk', 'ceph', 'net']),
            self.ask({'web': 'http', 'disk': 'file', 'ceph': 'rbd',
                      'os_glance_tasks_store': 'file', 'net': 'swift'}))

    def test_a_single_store_has_no_id(self):
        self.assertEqual(([''], ['']), self.ask(None))

    def test_nobody_knows_the_store_of_an_address_of_no_kind(self):
        with fixture.stores({'one': fixture.Store()}):
            self.assertEqual('', drivers.store_of(
                Location(1, '', 'tape://reel/7')))
            self.assertEqual('gone', drivers.store_of(
                Location(1, 'gone', 'tape://reel/7')))


class TestOfLocation(unittest.TestCase):

    def setUp(self):
        self.one, self.two = fixture.Store(), fixture.Store()

    def driver(self, location):
        with drivers.translated('a store'):
            return drivers.of_location(location)[0]

    def test_location_names_its_store(self):
        with fixture.stores({'one': self.one, 'two': self.two}):
            location = Location(1, 'two', self.one.url_prefix + 'x')
            self.assertIs(self.two, self.driver(location))

    def test_location_without_a_store_belongs_where_addresses_are_alike(self):
        with fixture.stores({'one': self.one, 'two': self.two}):
            for store in (self.one, self.two):
                location = Location(1, '', store.url_prefix + 'x')
                self.assertIs(store, self.driver(location))

    def test_the_longest_of_like_addresses_counts(self):
        stores = {'a': self.one, 'b': self.two}
        for order in (stores, dict(reversed(stores.items()))):
            with fixture.stores(order):
                self.one._url_prefix = 'faulty://host/images'
                self.two._url_prefix = 'faulty://host/images2'
                location = Location(1, '', 'faulty://host/images2/x')
                self.assertIs(self.two, self.driver(location))

    def test_location_without_a_store_belongs_to_the_only_one_of_a_kind(self):
        self.two = fixture.Store(scheme='other')
        with fixture.stores({'one': self.one, 'two': self.two}):
            location = Location(1, '', 'other://anywhere/x')
            self.assertIs(self.two, self.driver(location))

    def test_location_that_could_be_of_two_is_refused(self):
        with fixture.stores({'one': self.one, 'two': self.two}):
            for store, url in (('', 'faulty://anywhere/x'),
                               ('three', 'faulty://anywhere/x'),
                               ('', 'rbd://x'), ('one', 'rbd://x')):
                with (self.subTest(store=store, url=url),
                      self.assertRaises(errors.StoreError) as caught):
                    self.driver(Location(1, store, url))
                self.assertEqual('a store is not available on this host',
                                 caught.exception.message)

    def test_single_store_takes_every_location(self):
        store = fixture.Store(scheme='file')
        with fixture.single_store(store):
            for name in ('', 'of before'):
                location = Location(1, name, store.url_prefix + 'x')
                self.assertIs(store, self.driver(location))

    def test_seeks_is_told_without_asking_the_backend(self):
        self.one = fixture.Store(seeks=False)
        with fixture.stores({'one': self.one, 'two': self.two}):
            found = [drivers.seeks(location) for location in (
                Location(1, 'one', self.one.url_prefix + 'x'),
                Location(1, 'two', self.two.url_prefix + 'x'),
                Location(1, '', self.two.url_prefix + 'x'),
                Location(1, 'three', 'faulty://x'), Location(1, '', 'x://'))]
        self.assertEqual([False, True, True, False, False], found)
        store = fixture.Store(scheme='file')
        with fixture.single_store(store):
            self.assertTrue(drivers.seeks(
                Location(1, '', store.url_prefix + 'x')))


class TestDelete(unittest.TestCase):

    def test_says_what_came_of_it(self):
        store = fixture.Store([
            fixture.Fault('delete', 'raise', error=exceptions.InUseByStore)])
        with fixture.stores({'memory': store}):
            location = Location(1, 'memory', store.url_prefix + 'x')
            store.objects['x'] = bytearray(1)
            self.assertRaises(errors.StoreBusy, drivers.delete, location,
                              None)
            drivers.delete(location, None)
            self.assertEqual({}, store.objects)
            self.assertRaises(errors.DataMissing, drivers.delete, location,
                              None)


class TestTranslated(unittest.TestCase):

    def test_every_cause_has_its_class_and_no_message_an_address(self):
        for raised, kind in (
                (exceptions.NotFound(image=SECRET), errors.DataMissing),
                (exceptions.Duplicate(image=SECRET), errors.StoreOccupied),
                (exceptions.StorageFull(SECRET), errors.StoreFull),
                (exceptions.InUseByStore(SECRET), errors.StoreBusy),
                (exceptions.UnknownScheme(scheme=SECRET),
                 errors.StoreMisconfigured),
                (exceptions.BackendException(SECRET), errors.StoreError),
                (ConnectionError(SECRET), errors.StoreUnavailable),
                (KeyError(SECRET), errors.StoreError),
                (ReadTimedOut(SECRET), errors.StoreUnavailable),
                (TimeoutError(SECRET), errors.StoreUnavailable)):
            with self.subTest(type(raised)):
                with (self.assertRaises(errors.ActionError) as caught,
                      drivers.translated("store 'a'")):
                    raise raised
                self.assertIs(kind, type(caught.exception))
                self.assertNotIn(SECRET, caught.exception.message)
                self.assertIn("store 'a'", caught.exception.message)

    def test_our_own_and_what_ends_a_process_pass(self):
        for raised in (errors.ShortRead('x'), errors.ImageDeleted('x'),
                       SystemExit(), KeyboardInterrupt()):
            with (self.assertRaises(type(raised)) as caught,
                  drivers.translated('a store')):
                raise raised
            self.assertIs(raised, caught.exception)


class TestInTime(unittest.TestCase):

    def test_returns_and_raises_what_the_call_does(self):
        self.assertEqual(7, drivers.in_time(lambda: 7, 10, 'it'))
        with self.assertRaises(KeyError):
            drivers.in_time({}.popitem, 10, 'it')

    def test_gives_up_a_call_that_ends_later(self):
        go_on, ended = threading.Event(), threading.Event()

        def call():
            go_on.wait()
            ended.set()
        with self.assertRaises(errors.StoreStalled) as caught:
            drivers.in_time(call, 0.05, 'it')
        self.assertEqual('it did not answer for 0.05 seconds',
                         caught.exception.message)
        go_on.set()
        self.assertTrue(ended.wait(10))
