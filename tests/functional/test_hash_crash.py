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
"""Processes that die, freeze, or have more to do than they may at once."""

import os
import re
import signal
import time
import unittest

from tests.functional.hash_life import DATA
from tests.functional.hash_life import NOTHING
from tests.functional.hash_life import SIZE
from tests.functional.hash_life import begin
from tests.functional.hash_life import digests
from tests.functional.hash_life import fields
from tests.functional.hash_life import locks
from tests.functional.hash_life import until
from tests.harness import glance

HEARTBEAT = 10
#: For so long after its process died no action can be stale: its last sign
#: of life was at the most a quarter of that before.
FRESH = HEARTBEAT * 0.7
#: The keeper looks around four times within a heartbeat.
TAKEN_OVER = HEARTBEAT * 1.25 + 3


def started(case, retries=1, running=5, first=None, **options):
    """Return a Glance that ends with the class ``case``.

    :param first: whose database and stores it shares
    """
    config = {
        'DEFAULT': {'http_retries': retries},
        'glance_ext': {
            'heartbeat_timeout': HEARTBEAT, 'max_running_actions': running,
            **options},
    }
    database = None
    if first is not None:
        database = SameDatabase(first.database)
        for store in first.stores:
            path = first.directory / store
            config[store] = {'filesystem_store_datadir': path}
    found = glance.Glance(database=database, config=config)
    case.addClassCleanup(found.stop, signal.SIGKILL)
    return found.start()


class SameDatabase:
    """The database of another Glance, which makes it and drops it."""

    def __init__(self, database):
        self.url, self.sql = database.url, database.sql

    def create(self, venv):
        pass

    def drop(self):
        pass


def stall(on, image, at=SIZE // 2, **body):
    """Begin a hash and stop it at a byte; return the action."""
    fault = on.fault('stall', image=image, at=at)
    action = begin(on, image, **body)
    until(lambda: on.fired(fault))
    return action


class KilledTest(unittest.TestCase):
    """``kill -9`` of the only process, at any moment, and a restart."""

    @classmethod
    def setUpClass(cls):
        restart = cls.restart = started(cls, running=4)
        fail = cls.failing = started(cls, on_worker_loss='fail')
        last = cls.last = started(cls, retries=0)
        busy = cls.busy = started(cls, running=1)
        actions = cls.actions = {}
        images = cls.images = {}

        def run(on, name, image, at=SIZE // 2, **body):
            images[name] = image
            actions[name] = stall(on, image, at, **body)

        # Each at another moment of its life. That a hash is written and its
        # action ends is one moment.
        run(restart, 'before', restart.legacy(DATA), at=0)
        run(restart, 'middle', restart.legacy(DATA))
        run(restart, 'end', restart.legacy(DATA), at=SIZE)
        run(restart, 'rehash', restart.upload(DATA), rehash=True,
            os_hash_algo='sha256')
        for name in ('waiting', 'waiting too'):
            images[name] = restart.legacy(DATA)
            actions[name] = begin(restart, images[name])

        run(fail, 'fail', fail.legacy(DATA, 'half'))
        run(fail, 'fail rehash', fail.upload(DATA), rehash=True)
        run(last, 'last', last.legacy(DATA, 'checksum'))
        run(last, 'last rehash', last.upload(DATA), rehash=True)

        images['busy'] = [busy.legacy(DATA) for _ in range(4)]
        cls.queue = [stall(busy, images['busy'][0])] + [
            begin(busy, image) for image in images['busy'][1:]]
        cls.queued = time.monotonic()

        cls.before = restart.action(actions['waiting'])
        cls.at_once, cls.killed = {}, {}
        for on in (restart, fail, last):
            on.kill()
            cls.killed[on] = time.monotonic()
            on.clear_faults()
            on.start()
            for name in actions:
                if cls.on(name) is on:
                    cls.at_once[name] = cls.look(on, name)
        cls.up = time.monotonic()
        path = f'/v2/images/{images["last"]}/hash'
        until(lambda: last.request('POST', path, {}).status == 202)
        cls.accepted = time.monotonic()
        cls.ended = {
            name: cls.on(name).wait_action(action)
            for name, action in actions.items()}
        cls.over = time.monotonic()

    @classmethod
    def look(cls, on, name):
        """Return an image's status, its data, and the answer to a POST."""
        image = cls.images[name]
        data = on.download(image)
        posted = None
        # After a slow start it may be stale: then 202 would be right.
        if time.monotonic() - cls.killed[on] < FRESH:
            path = f'/v2/images/{image}/hash'
            posted = on.request('POST', path, {'rehash': True}).status
        return on.image(image)['status'], data, posted

    @classmethod
    def on(cls, name):
        """Return the Glance that has the case of that name."""
        by_word = {'fail': cls.failing, 'last': cls.last, 'busy': cls.busy}
        return by_word.get(name.split()[0], cls.restart)

    def test_image_is_usable_at_once(self):
        for name, (status, data, _) in self.at_once.items():
            with self.subTest(name):
                self.assertEqual('active', status)
                self.assertEqual(DATA, data)

    def test_new_request_is_409_before_the_heartbeat_is_stale(self):
        posted = {posted for _, _, posted in self.at_once.values()}
        if posted == {None}:
            self.skipTest('skipped: the restart took too long')
        self.assertLessEqual(posted, {409, None})

    def test_new_request_is_202_when_the_heartbeat_is_stale(self):
        waited = self.accepted - self.killed[self.last]
        self.assertGreater(waited, HEARTBEAT - 3.5)
        self.assertLess(waited, TAKEN_OVER)

    def test_action_is_taken_over_and_finished(self):
        for name in ('before', 'middle', 'end', 'rehash'):
            with self.subTest(name):
                ended = self.ended[name]
                self.assertEqual('success', ended['status'], ended)
                self.assertEqual(2, ended['attempt'])
                algorithm = 'sha256' if name == 'rehash' else 'sha512'
                self.assertEqual(
                    digests(DATA, algorithm),
                    fields(self.restart, self.images[name]))
        # The others were started after it, one by one.
        waited = self.over - self.up
        self.assertLess(waited, TAKEN_OVER + 10)

    def test_queued_action_loses_no_attempt(self):
        self.assertEqual('pending', self.before['status'])
        for name in ('waiting', 'waiting too'):
            with self.subTest(name):
                ended = self.ended[name]
                self.assertEqual('success', ended['status'], ended)
                self.assertEqual(1, ended['attempt'])
                self.assertEqual(
                    digests(), fields(self.restart, self.images[name]))

    def test_on_worker_loss_fail_ends_it_as_worker_lost(self):
        for name, expected in (
            ('fail', NOTHING), ('fail rehash', digests()),
        ):
            with self.subTest(name):
                self.lost(name, 1)
                self.assertEqual(
                    expected, fields(self.failing, self.images[name]))
                self.hashes_again(name)

    def test_lost_last_attempt_ends_it_as_worker_lost(self):
        for name in ('last', 'last rehash'):
            with self.subTest(name):
                self.lost(name, 1)
        image = self.images['last']
        until(lambda: not locks(self.last, image))
        self.assertEqual(digests(), fields(self.last, image))
        self.hashes_again('last rehash')

    def test_no_lock_is_left(self):
        for name, image in self.images.items():
            if name not in ('busy', 'last'):
                with self.subTest(name):
                    self.assertEqual([], locks(self.on(name), image))

    def test_queue_is_kept_fresh_and_in_order(self):
        """It waited for longer than a heartbeat may be silent."""
        self.assertGreater(self.over - self.queued, HEARTBEAT)
        for action in self.queue[1:]:
            self.assertEqual('pending', self.busy.action(action)['status'])
        for image in self.images['busy']:
            path = f'/v2/images/{image}/hash'
            self.assertEqual(
                409, self.busy.request('POST', path, {}).status)
        self.busy.clear_faults()
        for action in self.queue:
            ended = self.busy.wait_action(action)
            self.assertEqual('success', ended['status'], ended)
            self.assertEqual(1, ended['attempt'])
        begun = re.findall(
            r'Action (\S+) \(hash\) of image \S+: attempt', self.busy.log())
        self.assertEqual(self.queue, begun)

    def lost(self, name, attempt):
        ended = self.ended[name]
        self.assertEqual('failure', ended['status'], ended)
        self.assertEqual('worker_lost', ended['error']['code'])
        self.assertEqual(attempt, ended['attempt'])

    def hashes_again(self, name):
        on = self.on(name)
        action = begin(on, self.images[name], rehash=True)
        ended = on.wait_action(action)
        self.assertEqual('success', ended['status'], ended)
        self.assertEqual(digests(), fields(on, self.images[name]))


class SeveralProcessesTest(unittest.TestCase):
    """Three Glances on one database: one dies, one freezes, one lives."""

    @classmethod
    def setUpClass(cls):
        dead = started(cls)
        frozen = started(cls, first=dead)
        alive = cls.alive = started(cls, first=dead)
        cls.killed = dead.legacy(DATA)
        cls.stopped = {
            at: dead.legacy(DATA) for at in (SIZE // 2, SIZE)}
        cls.rehashed = dead.legacy(DATA)
        actions = {cls.killed: stall(dead, cls.killed)}
        for at, image in cls.stopped.items():
            actions[image] = stall(frozen, image, at)
        actions[cls.rehashed] = stall(frozen, cls.rehashed, SIZE)
        dead.kill()
        processes = frozen.processes_alive()
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        cls.ended = {
            image: alive.wait_action(action)
            for image, action in actions.items()}
        again = begin(
            alive, cls.rehashed, rehash=True, os_hash_algo='sha256')
        alive.wait_action(again)
        cls.before = {image: cls.everything(image) for image in actions}
        frozen.clear_faults()
        for process in processes:
            os.kill(process, signal.SIGCONT)
        for image, action in actions.items():
            if image != cls.killed:
                until(lambda action=action: (
                    f'Action {action} has another owner now, or was ended; '
                    f'this process leaves it alone' in frozen.log()))
        cls.after = {image: cls.everything(image) for image in actions}
        cls.frozen = frozen

    @classmethod
    def everything(cls, image):
        """Return all rows of an image and of its actions."""
        return [
            cls.alive.sql(f'select * from {table} where {key} = ?', (image,))
            for table, key in (
                ('images', 'id'), ('image_properties', 'image_id'),
                ('image_locations', 'image_id'), ('tasks', 'image_id'))
        ] + cls.alive.sql(
            'select task_info.* from task_info join tasks on id = task_id '
            'where image_id = ?', (image,))

    def test_another_process_takes_over_from_a_dead_one(self):
        self.finished(self.killed)

    def test_another_process_takes_over_from_a_frozen_one(self):
        for image in self.stopped.values():
            self.finished(image)

    def test_frozen_process_that_comes_back_writes_nothing(self):
        for image, before in self.before.items():
            self.assertEqual(before, self.after[image])

    def test_hash_that_was_made_anew_meanwhile_stays(self):
        self.assertEqual(
            digests(DATA, 'sha256'), fields(self.alive, self.rehashed))

    def test_process_that_came_back_works(self):
        image = self.frozen.legacy(DATA)
        ended = self.frozen.wait_action(begin(self.frozen, image))
        self.assertEqual('success', ended['status'], ended)

    def finished(self, image):
        ended = self.ended[image]
        self.assertEqual('success', ended['status'], ended)
        self.assertEqual(2, ended['attempt'])
        self.assertEqual(digests(), fields(self.alive, image))
        self.assertEqual([], locks(self.alive, image))
