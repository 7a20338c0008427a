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

"""``DELETE /v2/image-actions/{action_id}``, at whatever moment it comes."""

import concurrent.futures
import json
import time

from tests.functional import hash_life as life
from tests.functional.hash_life import DATA
from tests.functional.hash_life import SIZE
from tests.functional.hash_life import begin
from tests.functional.hash_life import until
from tests.functional.test_hash_crash import HEARTBEAT
from tests.functional.test_hash_crash import stall
from tests.functional.test_hash_crash import started
from tests.harness import glance
from tests.harness.users import MEMBER
from tests.harness.users import NOBODY
from tests.harness.users import OTHER
from tests.harness.users import READER
from tests.harness.users import User

#: Within so many seconds the work has stopped and is undone.
SOON = 5
HASHER = User('hasher', 'project', ('admin', 'reader'))


def cancel(on, action, user=glance.ADMIN):
    return on.request(
        'DELETE', f'/v2/image-actions/{action}', user=user).status


class CancelCase(life.LifeCase):
    def setUp(self):
        super().setUp()
        self.took = None

    def cancelled(self, action, image, on=None, within=SOON):
        """Cancel; see what is there at once, and that nothing is left."""
        on = on or self.glance
        began = time.monotonic()
        self.assertEqual(204, cancel(on, action))
        at_once = on.action(action)
        self.assertEqual('failure', at_once['status'], at_once)
        self.assertEqual('cancelled', at_once['error']['code'])
        self.assertIn(at_once['phase'], ('rolling-back', 'ended'))
        ended = on.wait_action(action)
        self.took = time.monotonic() - began
        self.assertLess(self.took, within)
        self.assertFailed(ended, 'cancelled', image)
        return ended


class MomentTest(CancelCase):
    """Each moment of a life of its own."""

    arguments = {'config': {
        **life.QUICK, 'DEFAULT': {'http_retries': 3},
        'glance_ext': {'heartbeat_timeout': HEARTBEAT,
                       'max_running_actions': 1}}}

    def test_while_it_waits_and_the_next_one_goes_on(self):
        running, fault = self.stall(self.glance.legacy(DATA))
        image, other = self.glance.legacy(DATA), self.glance.legacy(DATA)
        action = begin(self.glance, image)
        following = begin(self.glance, other)
        self.assertEqual(204, cancel(self.glance, action))
        ended = self.glance.wait_action(action, timeout=SOON)
        self.assertFailed(ended, 'cancelled')
        self.assertEqual(life.NOTHING, life.fields(self.glance, image))
        self.go_on(running, fault)
        self.assertHashed(self.ended(following), other)

    def test_while_it_reads(self):
        for shape in ('bare', 'half', 'checksum'):
            with self.subTest(shape):
                image = self.glance.legacy(DATA, shape)
                before = life.fields(self.glance, image)
                action, _ = self.stall(image)
                # The store does not return: it is left behind.
                self.assertEqual(204, cancel(self.glance, action))
                ended = self.glance.wait_action(action, timeout=SOON)
                self.assertFailed(ended, 'cancelled', image,
                                  (before[0], None, None))

    def test_while_it_rehashes_the_old_hash_stays(self):
        image = self.glance.upload(DATA)
        action, _ = self.stall(image, rehash=True, os_hash_algo='sha256')
        self.assertEqual(204, cancel(self.glance, action))
        ended = self.glance.wait_action(action, timeout=SOON)
        self.assertFailed(ended, 'cancelled', image, life.digests())

    def test_while_it_sleeps_between_two_attempts(self):
        image = self.glance.legacy(DATA)
        self.glance.fault('raise', image=image)
        action = begin(self.glance, image)
        until(lambda: self.glance.action(action)['attempt'] > 2)
        self.cancelled(action, image)

    def test_twice_and_by_several_at_once(self):
        image = self.glance.legacy(DATA)
        action, _ = self.stall(image)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(
                lambda _: cancel(self.glance, action), range(4)))
        self.assertLessEqual(set(answers), {204, 409})
        self.assertIn(204, answers)
        ended = self.ended(action)
        self.assertFailed(ended, 'cancelled', image)
        self.assertEqual(409, cancel(self.glance, action))
        self.assertEqual(ended, self.glance.action(action))

    def test_again_while_it_is_undone(self):
        image = self.glance.upload(DATA, stores=('fast',))
        self.glance.fault('raise', 'delete', store='slow', image=image)
        fault = self.glance.fault('stall', image=image, at=SIZE // 2)
        self.assertEqual(202, self.glance.request(
            'POST', f'/v2/images/{image}/import',
            {'method': {'name': 'copy-image'}, 'stores': ['slow']}).status)
        until(lambda: self.glance.fired(fault))
        action = self.glance.image(image)['os_glance_import_task']
        for _ in range(2):
            self.assertEqual(204, cancel(self.glance, action))
        found = self.glance.action(action)
        self.assertEqual(('failure', 'rolling-back'),
                         (found['status'], found['phase']))
        self.glance.clear_faults()
        ended = self.ended(action)
        self.assertFailed(ended, 'cancelled', image, life.digests())
        self.assertFalse(self.glance.store_file('slow', image).exists())

    def test_when_it_has_ended_nothing_changes(self):
        image = self.glance.legacy(DATA)
        action = self.hash(image)
        self.assertEqual(409, cancel(self.glance, action['id']))
        self.assertHashed(self.glance.action(action['id']), image)

    def test_it_can_be_asked_for_again(self):
        image = self.glance.legacy(DATA)
        action, _ = self.stall(image)
        self.cancelled(action, image)
        self.assertHashed(self.hash(image), image)

    def test_when_the_image_is_deleted_too(self):
        image = self.glance.legacy(DATA)
        action, _ = self.stall(image)
        self.assertEqual(204, self.glance.request(
            'DELETE', f'/v2/images/{image}').status)
        self.assertEqual(204, cancel(self.glance, action))
        ended = self.glance.wait_action(action, timeout=SOON)
        self.assertIn(ended['error']['code'], ('cancelled', 'image_deleted'))
        self.assertEqual([], life.locks(self.glance, image))

    def test_against_its_success_one_of_both_is_true(self):
        for delay in range(12):
            image = self.glance.legacy(b'data')
            action = begin(self.glance, image)
            time.sleep(delay / 100)
            answer = cancel(self.glance, action)
            ended = self.ended(action)
            if answer == 204:
                self.assertFailed(ended, 'cancelled', image, data=b'data')
            else:
                self.assertEqual(409, answer)
                self.assertHashed(ended, image, b'data')


class WhoMayTest(CancelCase):
    def action(self):
        image = self.glance.legacy(
            DATA, user=MEMBER, visibility='private')
        fault = self.glance.fault('stall', image=image)
        answer = self.glance.request(
            'POST', f'/v2/images/{image}/hash', {}, user=HASHER)
        self.assertEqual(202, answer.status, answer.text)
        until(lambda: self.glance.fired(fault))
        return answer.json['id'], image

    def test_who_sees_it_and_is_a_member(self):
        action, _ = self.action()
        for user, status in ((NOBODY, 401), (OTHER, 404), (READER, 403)):
            self.assertEqual(status, cancel(self.glance, action, user))
        self.assertEqual('processing', self.glance.action(action)['status'])
        self.assertEqual(204, cancel(self.glance, action, MEMBER))
        self.assertEqual('ended', self.ended(action)['phase'])

    def test_404_for_what_there_is_not(self):
        for name in ('x', '00000000-0000-4000-8000-000000000000', '%00'):
            self.assertEqual(404, cancel(self.glance, name))

    def test_the_task_and_the_answer_say_nothing_of_the_store(self):
        action, image = self.action()
        cancel(self.glance, action)
        ended = self.ended(action)
        (task,) = self.glance.tasks(image)
        for said in (ended, task):
            self.assertNotIn('://', json.dumps(said))


class OtherProcessTest(CancelCase):
    """The process that is asked is not the one that runs the action."""

    def test_it_stops_within_5_seconds(self):
        owner = started(type(self))
        asked = self.glance = started(type(self), first=owner)
        image = owner.legacy(DATA)
        self.cancelled(stall(owner, image), image, asked)
