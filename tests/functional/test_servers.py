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
"""What becomes of a hash when its server is told to stop or to reload."""

import concurrent.futures
import signal
import time
import unittest

from tests.functional.hash_life import DATA
from tests.functional.hash_life import SIZE
from tests.functional.hash_life import begin
from tests.functional.hash_life import digests
from tests.functional.hash_life import fields
from tests.functional.hash_life import locks
from tests.functional.hash_life import until
from tests.harness import glance
from tests.harness.soaking import soak


class ServerCase:
    """One server; it is skipped by name where it cannot be had."""

    server: str
    processes = 2
    #: How long, in seconds, a hash is seen to go on after SIGTERM.
    going_on = 1.5

    def start(self, **options):
        """Return a running Glance with these options of ours."""
        options = {'heartbeat_timeout': 120, 'shutdown_timeout': 30} | options
        found = glance.Glance(
            server=self.server, processes=self.processes,
            config={'DEFAULT': {'http_retries': 0}, 'glance_ext': options})
        self.addCleanup(found.stop, signal.SIGKILL)
        return found.start()

    def stall(self, on, image, **body):
        """Begin a hash and stop it halfway; return the action."""
        fault = on.fault('stall', image=image, at=SIZE // 2)
        action = begin(on, image, **body)
        until(lambda: on.fired(fault))
        return action

    def rows(self, on, *actions):
        """Return the status of each action, as the database has it."""
        return [on.sql('select status from tasks where id = ?', (action,))
                [0][0] for action in actions]

    def assertHashed(self, on, image, algorithm='sha512'):
        self.assertEqual(digests(DATA, algorithm), fields(on, image))
        self.assertEqual([], locks(on, image))


class StopCase(ServerCase):
    """SIGTERM: up to ``shutdown_timeout``, then back to pending."""

    def test_running_hash_ends_before_the_process_does(self):
        on = self.start()
        image = on.legacy(DATA)
        action = self.stall(on, image)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            stopping = pool.submit(on.halt)
            with self.assertRaises(TimeoutError):
                stopping.result(timeout=self.going_on)
            on.clear_faults()
            code, seconds = stopping.result()
        self.assertEqual(0, code, on.log()[-2000:])
        self.assertLess(seconds, 20)
        self.assertEqual(['success'], self.rows(on, action))
        self.assertHashed(on, image)

    def test_what_takes_too_long_goes_back_and_on_after_the_restart(self):
        on = self.start(shutdown_timeout=1, max_running_actions=1)
        images = [on.legacy(DATA) for _ in range(4)]
        on.fault('slow', bytes_per_second=SIZE // 100)
        actions = [begin(on, image) for image in images]
        until(lambda: 'processing' in self.rows(on, *actions))
        code, seconds = on.halt()
        self.assertEqual(0, code, on.log()[-2000:])
        self.assertLess(seconds, 15)
        self.assertEqual(['pending'] * 4, self.rows(on, *actions))
        on.clear_faults()
        on.configure({'glance_ext': {'max_running_actions': 2}})
        on.start()
        begun = time.monotonic()
        for action, image in zip(actions, images, strict=True):
            ended = on.wait_action(action)
            self.assertEqual('success', ended['status'], ended)
            self.assertEqual(1, ended['attempt'])
            self.assertHashed(on, image)
        # Long before a heartbeat could be stale, or anybody looks again.
        self.assertLess(time.monotonic() - begun, 25)


class ReloadCase(ServerCase):
    """SIGHUP: changed options hold for what begins afterwards."""

    def test_changed_options_hold_after_sighup(self):
        on = self.start()
        images = [on.legacy(DATA) for _ in range(2)]
        action = self.stall(on, images[0])
        on.configure({
            'DEFAULT': {'http_retries': 2, 'hashing_algorithm': 'sha256'},
            'glance_ext': {'allowed_hash_algorithms': 'sha256,sha1'}})
        on.hup()
        # Some servers have nobody to answer before the old workers ended.
        until(lambda: not self.allows(on, 'sha512'))
        on.clear_faults()
        until(lambda: self.allows(on, 'sha256') and not self.allows(
            on, 'sha512'))
        # What runs keeps what it began with.
        ended = on.wait_action(action)
        self.assertEqual('success', ended['status'], ended)
        self.assertEqual(1, ended['max_attempts'])
        self.assertHashed(on, images[0])
        ended = on.wait_action(begin(on, images[1]))
        self.assertEqual('success', ended['status'], ended)
        self.assertEqual(3, ended['max_attempts'])
        self.assertHashed(on, images[1], 'sha256')

    def allows(self, on, algorithm):
        """Whether somebody answers, and names this algorithm."""
        try:
            answer = on.request('GET', '/v2/info/glance-ext', timeout=2)
        except OSError:
            return False
        return algorithm in answer.json['hash_algorithms']


@soak
class WaitressTest(StopCase, unittest.TestCase):
    server = 'waitress'
    processes = 1


class PyuwsgiTest(StopCase, unittest.TestCase):
    server = 'pyuwsgi'


@soak  # it is compiled for a minute
class CompiledUwsgiTest(ReloadCase, unittest.TestCase):
    """The wheel's master cannot reload; it stops like this one."""

    server = 'uwsgi'


class GunicornTest(StopCase, ReloadCase, unittest.TestCase):
    server = 'gunicorn'


class ModWsgiTest(StopCase, ReloadCase, unittest.TestCase):
    """Apache kills after three seconds; we hand back before that."""

    server = 'mod_wsgi'
    going_on = 0.3

    def test_what_apache_would_kill_goes_back(self):
        on = self.start(shutdown_timeout=30)
        image = on.legacy(DATA)
        action = self.stall(on, image)
        code, _ = on.halt()
        self.assertEqual(0, code, on.log()[-2000:])
        self.assertEqual(['pending'], self.rows(on, action))


class EventletTest(StopCase, ReloadCase, unittest.TestCase):
    server = 'eventlet'
