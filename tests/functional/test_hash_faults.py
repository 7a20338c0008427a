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
"""A store that misbehaves never leads to a wrong hash."""

import hashlib
import itertools
import threading
import time

from tests.functional import hash_life
from tests.functional.hash_life import DATA
from tests.functional.hash_life import NOTHING
from tests.functional.hash_life import QUICK
from tests.functional.hash_life import SIZE
from tests.functional.hash_life import digests
from tests.functional.hash_life import fields
from tests.functional.hash_life import remove_data
from tests.functional.hash_life import until
from tests.harness import glance

MD5 = hashlib.md5(DATA).hexdigest()
ONLY_CHECKSUM = (MD5, None, None)
MIDDLE = 123_457
TWICE = {**QUICK, 'DEFAULT': {'http_retries': 1}}
FOUR_TIMES = {**QUICK, 'DEFAULT': {'http_retries': 3}}


class OneAttemptTest(hash_life.LifeCase):
    """``http_retries = 0``: the first error of the only copy is the last."""

    def test_exception_at_any_byte_has_its_code(self):
        for at, error, code in (
            (None, 'RemoteServiceUnavailable', 'store_unavailable'),
            (0, 'BackendException', 'store_error'),
            (MIDDLE, 'OSError', 'store_error'),
            (MIDDLE, 'KeyError', 'store_error'),
            (SIZE, 'RemoteServiceUnavailable', 'store_unavailable'),
        ):
            with self.subTest(at=at, error=error):
                image = self.glance.legacy(DATA)
                fault = self.glance.fault(
                    'raise', image=image, at=at, error=error)
                action = self.hash(image)
                self.assertFailed(action, code, image)
                self.assertEqual(1, self.glance.fired(fault))
                self.assertEqual(1, action['attempt'])
                self.assertEqual(1, action['max_attempts'])

    def test_failure_is_told_in_words_and_without_a_url(self):
        image = self.glance.legacy(DATA)
        self.glance.fault('raise', image=image, at=MIDDLE)
        action = self.hash(image)
        (task,) = self.glance.tasks(image)
        self.assertEqual(action['id'], task['id'])
        self.assertEqual('failure', task['status'])
        self.assertEqual(
            "store 'fast' is unavailable: RemoteServiceUnavailable",
            task['message'])
        self.assertEqual(task['message'], action['error']['message'])
        for told in (str(task), str(action)):
            self.assertNotIn('file://', told)
            self.assertNotIn(str(self.glance.directory), told)

    def test_object_that_is_not_there_is_data_missing(self):
        missing = self.glance.legacy(DATA)
        self.glance.fault('notfound', image=missing)
        vanishing = self.glance.legacy(DATA)
        self.glance.fault(
            'raise', image=vanishing, at=MIDDLE, error='NotFound')
        self.assertFailed(self.hash(vanishing), 'data_missing')
        self.assertFailed(self.hash(missing), 'data_missing', missing)
        self.assertUsable(vanishing)

    def test_stream_that_ends_early_is_short_read(self):
        for at in (0, MIDDLE, SIZE - 1):
            with self.subTest(at=at):
                image = self.glance.legacy(DATA)
                self.glance.fault('cut', image=image, at=at)
                self.assertFailed(self.hash(image), 'short_read', image)

    def test_object_of_another_size_is_short_read(self):
        for size in (0, MIDDLE, SIZE - 1, SIZE + 1):
            with self.subTest(size=size):
                image = self.glance.legacy(DATA)
                path = self.glance.store_file('fast', image)
                path.write_bytes((DATA + b'more')[:size])
                self.assertFailed(
                    self.hash(image), 'short_read', image, data=None)

    def test_object_that_changes_its_size_meanwhile_is_short_read(self):
        image = self.glance.legacy(DATA)
        action, fault = self.stall(image, at=SIZE)
        with self.glance.store_file('fast', image).open('ab') as more:
            more.write(b'more')
        self.glance.clear_faults(fault)
        self.assertFailed(
            self.ended(action), 'short_read', image, data=None)

    def test_zeros_of_a_deleted_object_are_not_believed(self):
        image = self.glance.legacy(DATA)
        self.glance.fault('zeros', image=image, at=MIDDLE)
        action, fault = self.stall(image, at=MIDDLE - 1)
        remove_data(self.glance, 'fast', image)
        action = self.go_on(action, fault)
        self.assertFailed(action, 'data_missing', image, data=None)

    def test_data_that_contradicts_the_checksum_is_hash_mismatch(self):
        for kind in ('zeros', 'corrupt'):
            with self.subTest(kind):
                image = self.glance.legacy(DATA, 'checksum')
                self.glance.fault(kind, image=image, at=MIDDLE)
                self.assertFailed(
                    self.hash(image), 'hash_mismatch', image, ONLY_CHECKSUM)

    def test_checksum_stays_after_every_failure(self):
        for kind, at, code in (
            ('raise', MIDDLE, 'store_unavailable'),
            ('cut', MIDDLE, 'short_read'),
            ('notfound', 0, 'data_missing'),
        ):
            with self.subTest(kind):
                image = self.glance.legacy(DATA, 'checksum')
                self.glance.fault(kind, image=image, at=at)
                self.assertFailed(
                    self.hash(image), code, image, ONLY_CHECKSUM)

    def test_half_state_of_others_is_cleared_by_a_failure(self):
        for kind in ('raise', 'cut', 'notfound'):
            with self.subTest(kind):
                image = self.glance.legacy(DATA, 'half')
                self.glance.fault(kind, image=image)
                action = self.hash(image)
                self.assertEqual('failure', action['status'])
                self.assertEqual(NOTHING, fields(self.glance, image))

    def test_failed_hash_can_be_asked_for_again(self):
        image = self.glance.legacy(DATA)
        self.glance.fault('raise', image=image, at=MIDDLE)
        self.assertFailed(self.hash(image), 'store_unavailable', image)
        self.assertHashed(self.hash(image), image)

    def test_stall_and_slowness_only_take_time(self):
        stalled = self.glance.legacy(DATA)
        action, fault = self.stall(stalled, MIDDLE)
        slow = self.glance.legacy(DATA)
        self.glance.fault('slow', image=slow, bytes_per_second=SIZE)
        self.assertHashed(self.hash(slow), slow)
        self.assertEqual('processing', self.glance.action(action)['status'])
        self.assertHashed(self.go_on(action, fault), stalled)


class FailedRehashTest(hash_life.LifeCase):
    """Of an image that has a hash nothing changes before the last write."""

    def watched(self, image, **body):
        """Return an action and the states that the image had meanwhile."""
        seen = {fields(self.glance, image)}
        over = threading.Event()

        def watch():
            while not over.is_set():
                seen.add(fields(self.glance, image))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            action, fault = self.stall(image, at=100, **body)
            return self.go_on(action, fault), seen
        finally:
            over.set()
            watcher.join()

    def test_failed_rehash_leaves_all_three_fields_at_every_moment(self):
        for kind, code in (
            ('raise', 'store_unavailable'),
            ('cut', 'short_read'),
            ('zeros', 'hash_mismatch'),
            ('corrupt', 'hash_mismatch'),
        ):
            with self.subTest(kind):
                image = self.glance.upload(DATA)
                self.glance.fault(kind, image=image, at=MIDDLE)
                action, seen = self.watched(
                    image, rehash=True, os_hash_algo='sha256')
                self.assertFailed(action, code, image, digests())
                self.assertEqual({digests()}, seen)

    def test_rehash_changes_all_three_fields_at_once(self):
        image = self.glance.upload(DATA)
        action, seen = self.watched(
            image, rehash=True, os_hash_algo='sha256')
        self.assertHashed(action, image, algorithm='sha256')
        self.assertLessEqual(seen, {digests(), digests(DATA, 'sha256')})

    def test_recorded_hash_that_the_data_contradicts_stays(self):
        image = self.glance.upload(DATA)
        other = (MD5, 'sha512', '0' * 128)
        self.glance.sql(
            'update images set os_hash_value = ? where id = ?',
            (other[2], image))
        action = self.hash(image, rehash=True, os_hash_algo='sha1')
        self.assertFailed(action, 'hash_mismatch', image, other)

    def test_recorded_hash_of_an_unknown_algorithm_cannot_be_checked(self):
        image = self.glance.upload(DATA)
        other = (MD5, 'tiger', '0' * 128)
        self.glance.sql(
            'update images set os_hash_algo = ?, os_hash_value = ? '
            'where id = ?', (*other[1:], image))
        action = self.hash(image, rehash=True)
        self.assertFailed(action, 'hash_unverifiable', image, other)


class TwoCopiesTest(hash_life.LifeCase):
    """One attempt reads one copy; the next begins with the next one."""

    arguments = {'config': TWICE}

    def copied(self, shape='bare'):
        return self.glance.legacy(DATA, shape, stores=('fast', 'slow'))

    def test_next_attempt_reads_the_next_copy(self):
        for kind, at in (
            ('raise', None), ('raise', MIDDLE), ('cut', MIDDLE),
            ('notfound', 0),
        ):
            with self.subTest(kind, at=at):
                image = self.copied()
                first = self.glance.fault(
                    kind, image=image, store='fast', at=at)
                second = self.glance.fault(
                    'slow', image=image, store='slow',
                    bytes_per_second=SIZE * 100)
                action = self.hash(image)
                self.glance.clear_faults()
                self.assertHashed(action, image)
                self.assertEqual(2, action['attempt'])
                self.assertEqual(1, self.glance.fired(first))
                self.assertEqual(1, self.glance.fired(second))

    def test_both_copies_failing_is_one_attempt_each(self):
        image = self.copied()
        faults = [
            self.glance.fault('raise', image=image, store=store, at=MIDDLE)
            for store in ('fast', 'slow')
        ]
        action = self.hash(image)
        self.assertFailed(action, 'store_unavailable', image)
        self.assertEqual(2, action['attempt'])
        self.assertEqual([1, 1], [*map(self.glance.fired, faults)])
        self.assertIn("store 'slow'", action['error']['message'])

    def test_mismatch_in_one_copy_passes_on_to_the_next(self):
        image = self.copied('checksum')
        self.glance.fault('corrupt', image=image, store='fast', at=MIDDLE)
        action = self.hash(image)
        self.glance.clear_faults()
        self.assertHashed(action, image)
        self.assertEqual(1, action['attempt'])

    def test_mismatch_in_every_copy_is_not_worth_another_attempt(self):
        image = self.copied('checksum')
        fault = self.glance.fault('zeros', image=image, at=MIDDLE)
        action = self.hash(image)
        self.assertFailed(action, 'hash_mismatch', image, ONLY_CHECKSUM)
        self.assertEqual(1, action['attempt'])
        self.assertEqual(2, self.glance.fired(fault))

    def test_bytes_of_copies_that_differ_are_never_mixed(self):
        """Nothing is recorded, so nobody would notice it in the end."""
        image = self.copied()
        self.glance.store_file('slow', image).write_bytes(DATA[::-1])
        self.glance.fault('raise', image=image, store='fast', at=MIDDLE)
        action = self.hash(image)
        self.assertFailed(action, 'copies_differ', image)

    def test_bad_bytes_before_a_failure_do_not_spoil_the_next_copy(self):
        image = self.copied('checksum')
        self.glance.fault('corrupt', image=image, store='fast', at=100)
        self.glance.fault('raise', image=image, store='fast', at=MIDDLE)
        action = self.hash(image)
        self.glance.clear_faults()
        self.assertHashed(action, image)

    def test_missing_copy_stays_a_location_of_the_image(self):
        image = self.copied()
        remove_data(self.glance, 'fast', image)
        self.assertHashed(self.hash(image), image)
        stores = self.glance.image(image)['stores'].split(',')
        self.assertEqual({'fast', 'slow'}, set(stores))


class StalledTest(hash_life.LifeCase):
    """A store that gives no byte for ``stall_timeout`` counts as failed."""

    @staticmethod
    def config(retries):
        return {
            **QUICK, 'DEFAULT': {'http_retries': retries},
            'glance_ext': {'heartbeat_timeout': 10, 'stall_timeout': 5}}

    arguments = {'config': config(0)}

    def test_silent_store_is_left_for_the_next_copy(self):
        other = glance.shared(config=self.config(1))
        self.addCleanup(other.clear_faults)
        copied = other.legacy(DATA, stores=('fast', 'slow'))
        other.fault('stall', image=copied, store='fast', at=MIDDLE)
        going_on = hash_life.begin(other, copied)
        image = self.glance.legacy(DATA)
        self.glance.fault('stall', image=image, at=MIDDLE)
        action = self.hash(image)
        self.assertFailed(action, 'store_stalled', image)
        self.assertIn('for 5 seconds', action['error']['message'])
        going_on = other.wait_action(going_on)
        self.assertEqual('success', going_on['status'], going_on)
        self.assertEqual(2, going_on['attempt'])
        self.assertEqual(digests(), fields(other, copied))


class BackoffTest(hash_life.LifeCase):
    """``http_retries = 3``: four attempts, further and further apart."""

    arguments = {'config': FOUR_TIMES}

    def test_attempts_are_one_more_than_http_retries_with_backoff(self):
        exhausted, lucky = self.glance.legacy(DATA), self.glance.legacy(DATA)
        failing = self.glance.fault('raise', image=exhausted, at=MIDDLE)
        self.glance.fault('raise', image=lucky, at=MIDDLE, times=3)
        action = hash_life.begin(self.glance, exhausted)
        other = hash_life.begin(self.glance, lucky)
        moments = []
        for count in range(1, 5):
            until(lambda count=count: self.glance.fired(failing) >= count)
            moments.append(time.monotonic())
            if count == 2:
                said = self.glance.action(action)
                words = f'attempt {said["attempt"]} of 4'
                self.assertIn(words, said['message'])
        action = self.ended(action)
        self.assertFailed(action, 'store_unavailable', exhausted)
        self.assertEqual(4, self.glance.fired(failing))
        self.assertEqual((4, 4), (action['attempt'], action['max_attempts']))
        gaps = [b - a for a, b in itertools.pairwise(moments)]
        self.assertGreater(gaps[0], 0.5)
        self.assertEqual(sorted(gaps), gaps)
        other = self.ended(other)
        self.assertHashed(other, lucky)
        self.assertEqual(4, other['attempt'])
