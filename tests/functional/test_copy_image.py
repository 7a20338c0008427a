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
"""Each sentence of "Copy existing image in multiple stores"."""


from tests.functional.hash_life import DATA
from tests.functional.hash_life import digests
from tests.functional.hash_life import fields
from tests.functional.hash_life import until
from tests.functional.import_life import ImportCase
from tests.functional.import_life import changed
from tests.functional.import_life import copying
from tests.functional.import_life import staged


class CopyTest(ImportCase):
    """What the specification says of a copy that is accepted."""

    def test_an_image_is_copied_to_the_stores_of_the_request(self):
        image = self.glance.upload(DATA, stores=('fast',))
        self.assertCopied(self.copy(image, 'slow', 'cold'), image, 'slow',
                          'cold')
        self.assertEqual({'fast', 'slow', 'cold'}, self.stores(image))

    def test_the_answer_is_202_with_the_action_and_its_address(self):
        image = self.glance.upload(DATA, stores=('fast',))
        answer = self.ask(image, copying('slow'))
        self.assertEqual(202, answer.status)
        self.assertEqual('copy-image', answer.json['action_type'])
        self.assertEqual(
            self.glance.url + answer.json['self'],
            answer.headers['Location'])
        self.ended(answer.json['id'])

    def test_the_default_store_is_read_where_the_image_is_there(self):
        image = self.glance.upload(DATA, stores=('slow', 'fast'))
        read = self.glance.fault('slow', store='fast', image=image,
                                 bytes_per_second=1 << 30)
        other = self.glance.fault('slow', store='slow', image=image,
                                  bytes_per_second=1 << 30)
        self.assertCopied(self.copy(image, 'cold'), image, 'cold')
        self.assertEqual((1, 0),
                         (self.glance.fired(read), self.glance.fired(other)))

    def test_otherwise_it_is_read_from_where_it_is(self):
        image = self.glance.upload(DATA, stores=('slow',))
        self.assertCopied(self.copy(image, 'cold'), image, 'cold')

    def test_a_source_that_is_not_what_is_recorded_is_passed_over(self):
        image = self.glance.upload(DATA, stores=('fast', 'slow'))
        self.glance.fault('corrupt', store='fast', image=image, at=7)
        self.assertCopied(self.copy(image, 'cold'), image, 'cold')

    def test_no_source_that_fits_is_a_failure(self):
        image = self.glance.upload(DATA, stores=('fast', 'slow'))
        before, there = self.rows(image), self.objects(image)
        self.glance.fault('corrupt', image=image, at=7)
        self.assertUndone(self.copy(image, 'cold'), 'hash_mismatch', before,
                          there)

    def test_an_image_without_a_hash_gets_one_on_the_way(self):
        for shape in ('bare', 'checksum', 'half'):
            with self.subTest(shape):
                image = self.glance.legacy(DATA, shape, stores=('fast',))
                self.assertCopied(self.copy(image, 'slow'), image, 'slow')
                self.assertEqual(digests(), fields(self.glance, image))

    def test_hidden_and_protected_images_are_copied_too(self):
        for properties in ({'os_hidden': True}, {'protected': True}):
            with self.subTest(properties):
                image = self.glance.upload(DATA, stores=('fast',),
                                           **properties)
                self.assertCopied(self.copy(image, 'slow'), image, 'slow')

    def test_locations_are_those_that_glance_would_have_added(self):
        image = self.glance.upload(DATA, stores=('fast',))
        other = self.glance.upload(DATA, stores=('slow',))
        self.copy(image, 'slow')
        (theirs,) = self.glance.sql(
            'select value, meta_data, status from image_locations where '
            'image_id = ?', (other,))
        ours = self.glance.sql(
            'select value, meta_data, status from image_locations where '
            'image_id = ? order by id', (image,))[1]
        self.assertEqual(
            tuple(str(each).replace(other, image) for each in theirs),
            tuple(map(str, ours)))

    def test_locations_are_updated_each_time_a_store_succeeds(self):
        image = self.glance.upload(DATA, stores=('fast',))
        action, fault = self.stalled(image, copying('slow', 'cold'), 'add',
                                     store='cold')
        until(lambda: 'slow' in self.stores(image))
        self.assertEqual(('cold', ''), self.lists(image))
        self.assertCopied(self.go_on(action, fault), image, 'slow', 'cold')

    def test_each_copy_is_notified(self):
        image = self.glance.upload(DATA, stores=('fast',))
        self.glance.fault('raise', 'add', store='cold', image=image)
        self.copy(image, 'slow', 'cold', all_stores_must_succeed=False)
        def sent():
            return [(kind, payload.get('store'))
                    for kind, payload in self.events(image)]

        # They go out when all has ended, that of each store in turn.
        events = until(lambda: ('image.copy.error', 'cold') in sent()
                       and sent())
        for expected in (
                ('image.copy.start', 'slow'), ('image.copy.start', 'cold'),
                ('image.copy.end', 'slow'), ('image.copy.error', 'cold')):
            self.assertEqual(1, events.count(expected), events)
        kinds = [kind for kind, _ in events]
        for kind in ('image.prepare', 'image.upload', 'image.update'):
            self.assertIn(kind, kinds)

    def test_a_location_of_no_store_is_passed_over(self):
        """One whose store was taken out of the configuration."""
        image = self.glance.upload(DATA, stores=('fast',))
        self.locate(image, 'rbd://fsid/pool/image/snap')
        before = self.rows(image)['locations']
        self.assertCopied(self.copy(image, 'slow'), image, 'slow')
        found = self.rows(image)['locations']
        self.assertEqual(3, len(found))
        self.assertLess(set(before), set(found))

    def test_a_location_that_does_not_tell_its_store_is_found(self):
        """One of before there were several stores."""
        image = self.glance.upload(DATA, stores=('fast',))
        self.glance.sql("update image_locations set meta_data = '{}' where "
                        'image_id = ?', (image,))
        self.assertEqual(400, self.ask(image, copying('fast')).status)
        self.assertCopied(self.copy(image, 'slow'), image, 'slow')
        self.assertEqual({'fast', 'slow'}, self.stores(image))

    def test_a_copy_that_takes_long_to_read_gives_signs_of_life(self):
        image = self.glance.upload(DATA, stores=('fast',))
        fault = self.glance.fault('slow', image=image, bytes_per_second=5000)
        action = self.begin(image, copying('slow'))
        until(lambda: self.glance.fired(fault))
        before = self.glance.action(action)['updated_at']
        found = until(lambda: (seen := self.glance.action(action))[
            'updated_at'] > before and seen)
        self.assertEqual('processing', found['status'])
        self.assertCopied(self.go_on(action, fault), image, 'slow')

    def test_no_store_has_it_and_failed(self):
        image = self.glance.legacy(DATA, stores=('fast',))
        self.glance.sql("update images set disk_format = 'qcow2' where "
                        'id = ?', (image,))
        self.assertCopied(
            self.copy(image, 'slow', all_stores_must_succeed=False), image,
            'slow')

    def test_the_action_tells_of_each_store(self):
        image = self.glance.upload(DATA, stores=('fast',))
        action = self.copy(image, 'slow', 'cold')
        self.assertEqual(
            {store: {'status': 'success', 'bytes_done': len(DATA)}
             for store in ('slow', 'cold')}, action['progress']['stores'])
        self.assertEqual(100, action['progress']['percent'])

    def test_the_action_tells_how_fast_each_store_is(self):
        image = self.glance.upload(DATA, stores=('fast',))
        self.glance.fault('slow', image=image,
                          bytes_per_second=len(DATA) // 10)
        action = self.begin(image, copying('slow', 'cold'))

        def seen():
            stores = self.glance.action(action)['progress']['stores']
            return all(state.get('bytes_per_second')
                       for state in stores.values()) and stores

        for state in until(seen).values():
            self.assertLess(state['bytes_done'], len(DATA))
            self.assertEqual(
                (len(DATA) - state['bytes_done'])
                // state['bytes_per_second'], state['eta_seconds'])
        self.glance.clear_faults()
        self.assertCopied(self.ended(action), image, 'slow', 'cold')


class AttemptsTest(ImportCase):
    """Where there is a second attempt."""

    arguments = {'stores': ('fast', 'slow', 'cold'), 'config': changed(
        glance_ext={'copy_through_staging': True, 'read_back': True,
                    'copy_image_all_stores': 'reject'},
        DEFAULT={'metadata_encryption_key': '0123456789abcdef',
                 'http_retries': 1})}

    def test_on_any_error_the_next_source_goes_on_at_the_byte(self):
        for shape in ('whole', 'legacy'):
            for kind in ('raise', 'cut', 'zeros', 'notfound'):
                if (shape, kind) == ('legacy', 'zeros'):
                    continue  # nothing could tell
                with self.subTest(shape, kind=kind):
                    make = (self.glance.upload if shape == 'whole'
                            else self.glance.legacy)
                    image = make(DATA, stores=('fast', 'slow'))
                    self.glance.fault(kind, store='fast', image=image,
                                      at=100_000)
                    action = self.copy(image, 'cold')
                    self.assertCopied(action, image, 'cold')
                    # Attempts are for when each has failed.
                    self.assertEqual(1, action['attempt'])

    def test_a_store_that_fails_is_tried_again_and_no_other(self):
        image = self.glance.upload(DATA, stores=('fast',))
        self.glance.fault('raise', 'add', store='cold', image=image, times=1)
        again = self.glance.fault('raise', 'add', store='slow', image=image,
                                  at=len(DATA) + 1)
        action = self.copy(image, 'slow', 'cold')
        self.assertCopied(action, image, 'slow', 'cold')
        self.assertEqual(2, action['attempt'])
        self.assertEqual(0, self.glance.fired(again))


class FailureTest(ImportCase):
    """All of it or nothing; or as much as can be had."""

    def setUp(self):
        super().setUp()
        self.image = self.glance.upload(DATA, stores=('fast',))
        self.before = self.rows(self.image)
        self.there = self.objects(self.image)

    def test_one_error_undoes_all_where_all_must_succeed(self):
        for body in ({}, {'all_stores_must_succeed': True},
                     {'allow_failure': False}):
            with self.subTest(body):
                fault = self.glance.fault('raise', 'add', store='cold',
                                          image=self.image, at=200_000)
                action = self.copy(self.image, 'slow', 'cold', **body)
                self.assertUndone(action, 'store_unavailable', self.before,
                                  self.there)
                self.assertEqual(('', 'cold'), self.lists(self.image))
                self.assertEqual('rolled-back', action['progress']['stores'][
                    'slow']['status'])
                self.glance.clear_faults(fault)

    def test_partial_success_where_they_need_not(self):
        for body in ({'all_stores_must_succeed': False},
                     {'allow_failure': True}):
            with self.subTest(body):
                image = self.glance.upload(DATA, stores=('fast',))
                self.glance.fault('raise', 'add', store='cold', image=image,
                                  at=200_000)
                self.assertCopied(
                    self.copy(image, 'slow', 'cold', **body), image, 'slow',
                    failed=('cold',))

    def test_all_stores_failing_is_a_failure_in_any_case(self):
        self.glance.fault('raise', 'add', image=self.image, at=200_000)
        action = self.copy(self.image, 'slow', 'cold', allow_failure=True)
        self.assertUndone(action, 'store_unavailable', self.before, self.there)
        self.assertEqual(('', 'slow,cold'), self.lists(self.image))

    def test_what_nothing_can_mend_ends_the_copy_at_once(self):
        held = self.glance.fault('stall', 'add', store='slow',
                                 image=self.image, at=100_000)
        self.glance.fault('raise', 'add', store='cold', image=self.image,
                          error='StorageFull')
        action = self.begin(self.image, copying('slow', 'cold'))
        until(lambda: self.glance.action(action)['error'])
        self.glance.clear_faults(held)
        self.assertUndone(self.ended(action), 'store_full', self.before,
                          self.there)

    def test_an_image_that_is_deleted_meanwhile_leaves_nothing(self):
        for operation in ('get', 'add'):
            with self.subTest(operation):
                image = self.glance.upload(DATA, stores=('fast',))
                action, fault = self.stalled(image, copying('slow', 'cold'),
                                             operation)
                answer = self.glance.request('DELETE', f'/v2/images/{image}')
                self.assertEqual(204, answer.status)
                self.assertUndone(self.go_on(action, fault), 'image_deleted',
                                  None, [])
                self.assertEqual([], self.glance.sql(
                    'select name from image_properties where deleted = 0 '
                    'and image_id = ?', (image,)))

    def test_an_image_that_is_deactivated_meanwhile_is_left_alone(self):
        action, fault = self.stalled(self.image, copying('slow', 'cold'))
        path = f'/v2/images/{self.image}/actions/'
        self.glance.request('POST', path + 'deactivate')
        found = self.go_on(action, fault)
        self.assertEqual('deactivated',
                         self.glance.image(self.image)['status'])
        self.glance.request('POST', path + 'reactivate')
        self.assertUndone(found, 'image_not_active', self.before, self.there)

    def test_what_users_change_meanwhile_stays(self):
        action, fault = self.stalled(self.image, copying('slow', 'cold'))
        self.patch(
            self.image, {'op': 'replace', 'path': '/name', 'value': 'new'},
            {'op': 'add', 'path': '/extra', 'value': 'yes'},
            {'op': 'replace', 'path': '/visibility', 'value': 'public'},
            {'op': 'replace', 'path': '/protected', 'value': True},
            {'op': 'replace', 'path': '/os_hidden', 'value': True},
            {'op': 'replace', 'path': '/tags', 'value': ['new']})
        self.assertCopied(self.go_on(action, fault), self.image, 'slow',
                          'cold')
        found = self.glance.image(self.image)
        self.assertEqual(
            ('new', 'yes', 'public', True, True, ['new']),
            tuple(found[name] for name in (
                'name', 'extra', 'visibility', 'protected', 'os_hidden',
                'tags')))

    def test_a_cancelled_copy_leaves_nothing(self):
        action, fault = self.stalled(
            self.image, copying('slow', 'cold', allow_failure=True))
        answer = self.glance.request('DELETE', f'/v2/image-actions/{action}')
        self.assertEqual(204, answer.status)
        self.assertUndone(self.go_on(action, fault), 'cancelled',
                          self.before, self.there)

    def test_data_that_lies_there_already_is_refused_and_left(self):
        path = self.glance.store_file('slow', self.image)
        path.write_bytes(b'somebody\'s')
        self.addCleanup(path.unlink)
        self.assertUndone(
            self.copy(self.image, 'slow', 'cold'), 'store_occupied',
            self.before, sorted([*self.there, f'slow/{self.image}']))
        self.assertEqual(b'somebody\'s', path.read_bytes())


class StagingTest(ImportCase):
    """``copy_through_staging``, and what else an operator may choose."""

    arguments = AttemptsTest.arguments

    def test_data_in_staging_is_removed_in_the_end(self):
        image = self.glance.upload(DATA, stores=('fast',))
        action, fault = self.stalled(image, copying('slow', 'cold'))
        self.assertEqual([f'glance-ext-{action}'], staged(self.glance))
        self.assertCopied(self.go_on(action, fault), image, 'slow', 'cold')

    def test_data_in_staging_is_removed_after_a_failure(self):
        image = self.glance.upload(DATA, stores=('fast',))
        before, there = self.rows(image), self.objects(image)
        self.glance.fault('raise', 'add', store='cold', image=image)
        self.assertUndone(self.copy(image, 'slow', 'cold'),
                          'store_unavailable', before, there)
        self.assertEqual([], staged(self.glance))

    def test_what_lies_in_staging_is_not_taken_for_the_image(self):
        image = self.glance.legacy(DATA, stores=('fast',))
        other = self.glance.directory / 'staging' / image
        other.write_bytes(DATA[::-1])
        self.addCleanup(other.unlink)
        self.assertCopied(self.copy(image, 'slow'), image, 'slow')
        self.assertEqual(digests(), fields(self.glance, image))

    def test_a_copy_that_reads_back_otherwise_is_a_failure(self):
        image = self.glance.upload(DATA, stores=('fast',))
        before, there = self.rows(image), self.objects(image)
        self.glance.fault('corrupt', store='slow', image=image, at=7)
        self.assertUndone(self.copy(image, 'slow', 'cold'),
                          'store_error', before, there)

    def test_all_stores_are_refused_where_the_operator_wants_that(self):
        image = self.glance.upload(DATA, stores=('fast',))
        self.refused(400, image, copying(all_stores=True))

    def test_locations_are_encrypted_as_glance_does(self):
        image = self.glance.upload(DATA, stores=('fast',))
        self.assertCopied(self.copy(image, 'slow'), image, 'slow')
        for (value,) in self.glance.sql(
                'select value from image_locations where image_id = ?',
                (image,)):
            self.assertNotIn('file://', value)
        self.assertCopied(self.copy(image, 'cold'), image, 'cold')
