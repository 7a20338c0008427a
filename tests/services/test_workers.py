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
"""``glance-ext-worker`` beside an API that only posts, over Redis."""

import hashlib
import signal
import time

from tests.functional import cases
from tests.functional import disks
from tests.functional import import_life
from tests.functional import import_requests
from tests.harness import glance
from tests.harness import ports
from tests.harness import web
from tests.harness import workers
from tests.harness.backends import http
from tests.harness.backends import http_raw
from tests.harness.users import MEMBER

DATA = b'data' * 250_000
TIMEOUT = 10


class WorkersTest(cases.HashCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.board = workers.redis()
        cls.addClassCleanup(workers.forget, cls.board)
        cls.server = glance.Glance(config={
            'DEFAULT': {'http_retries': 2},
            'glance_ext': {
                'executor': 'jobboard', 'jobboard_url': cls.board,
                'heartbeat_timeout': TIMEOUT, 'shutdown_timeout': 2}})
        cls.addClassCleanup(cls.server.stop, signal.SIGKILL)
        cls.server.start()

    def setUp(self):
        self.glance = self.server
        self.glance.clear_faults()
        self.addCleanup(self.glance.clear_faults)

    def worker(self, name='worker', wait=True, **arguments):
        worker = workers.Worker(self.glance, name, **arguments)
        self.addCleanup(worker.kill)
        return worker.start(wait)

    def check_right(self, action):
        self.succeeded(self.ended(action['id']))
        image = action['image_id']
        self.assertEqual(hashlib.sha512(DATA).hexdigest(),
                         self.digests(image)[2])
        self.assertIsNone(self.lock(image))

    def until_phase(self, action, phase='reading'):
        return cases.until(lambda: self.glance.action(
            action['id'])['phase'] == phase)

    def test_what_is_posted_waits_says_why_and_is_run(self):
        action = self.accept(self.glance.legacy(DATA))
        cases.until(lambda: self.glance.action(action['id'])['message']
                    == 'Waiting: no glance-ext-worker is running')
        other = self.worker('other', stores=('slow',))
        cases.until(lambda: self.glance.action(action['id'])['message']
                    == "Waiting: no worker has any of store 'fast'")
        self.assertEqual('pending', self.glance.action(
            action['id'])['status'])
        port = ports.Port()
        self.addCleanup(port.release)
        self.worker(arguments=['--metrics-port', str(port.number)])
        self.check_right(action)
        # It is counted after the end of the action is written.
        cases.until(lambda: (
            'glance_ext_actions_ended_total{action_type="hash",'
            'status="success",store="fast"} 1.0') in web.request(
                f'http://127.0.0.1:{port.number}/', 'GET').text)
        # Nobody but the one that has the store.
        self.assertNotIn(action['id'], other.log())
        self.assertEqual(0, other.stop()[0])

    def test_a_worker_that_is_stopped_hands_back_and_one_that_dies_is_replaced(
            self):
        image = self.glance.legacy(DATA)
        self.glance.fault('slow', bytes_per_second=len(DATA) // 30)
        first = self.worker('first')
        action = self.accept(image)
        self.until_phase(action)
        self.assertEqual(0, first.stop()[0])
        self.assertEqual(('pending', 1), tuple(
            self.glance.action(action['id'])[name]
            for name in ('status', 'attempt')))
        second, third = (self.worker(name, wait=False)
                         for name in ('second', 'third'))
        self.until_phase(action)
        running = second if action['id'] in second.log() else third
        self.glance.clear_faults()
        self.glance.fault('slow', bytes_per_second=len(DATA) // 4)
        running.kill()
        begun = time.monotonic()
        cases.until(lambda: self.glance.action(action['id'])['attempt'] == 2)
        print(f'\nreplaced within {time.monotonic() - begun:.1f} s of '
              f'heartbeat_timeout = {TIMEOUT}')
        self.assertLess(time.monotonic() - begun, TIMEOUT + 5)
        self.check_right(action)

    def test_cancel_where_it_waits_and_where_it_runs(self):
        waiting = self.accept(self.glance.legacy(DATA))
        self.cancel(waiting)
        self.worker()
        self.glance.fault('slow', bytes_per_second=len(DATA) // 30)
        running = self.accept(self.glance.legacy(DATA))
        self.until_phase(running)
        self.cancel(running)

    def cancel(self, action):
        self.assertEqual(204, self.glance.request(
            'DELETE', f'/v2/image-actions/{action["id"]}').status)
        begun = time.monotonic()
        found = self.ended(action['id'])
        self.assertLess(time.monotonic() - begun, 6)
        self.failed('cancelled', found)
        self.assertIsNone(self.lock(action['image_id']))
        self.assertEqual((None,) * 3, self.digests(action['image_id']))

    def test_it_takes_as_many_as_its_options_say_after_a_sighup_too(self):
        worker = self.worker(config={
            'glance_ext': {'max_running_actions': 1}})
        fault = self.glance.fault('stall')
        both = [self.accept(self.glance.legacy(DATA)) for _ in range(2)]

        def runs():
            return [action for action in both if action['id'] in worker.log()]

        cases.until(lambda: self.glance.fired(fault))
        self.assertEqual(1, len(runs()))
        worker.configure({'glance_ext': {'max_running_actions': 2}})
        worker.send(signal.SIGHUP)
        cases.until(lambda: len(runs()) == 2)
        self.glance.clear_faults(fault)
        for action in both:
            self.check_right(action)

    def test_an_action_that_fails_by_itself_does_not_cycle(self):
        image = self.glance.legacy(DATA)
        self.glance.store_file('fast', image).unlink()
        self.worker()
        found = self.ended(self.accept(image)['id'])
        self.failed('data_missing', found)
        self.assertEqual(3, found['attempt'])


class TokenTest(import_life.ImportCase):
    """A store that works with the caller's token, which nobody keeps."""

    def setUp(self):
        board = workers.redis()
        self.addCleanup(workers.forget, board)
        self.glance = glance.Glance(stores=(
            'fast', 'slow', 'cold', 'users:swift'), config={
            'DEFAULT': {'http_retries': 1},
            'glance_ext': {
                'executor': 'jobboard', 'jobboard_url': board,
                'heartbeat_timeout': TIMEOUT, 'shutdown_timeout': 2},
            'users': {'swift_store_multi_tenant': True}})
        self.addCleanup(self.glance.stop, signal.SIGKILL)
        self.glance.start()
        self.image = self.glance.legacy(DATA, stores=['fast'])
        self.before = self.rows(self.image)

    def test_it_is_written_to_where_the_action_was_accepted_or_not_at_all(
            self):
        # There is no worker, and nothing waits for one.
        action, fault = self.stalled(
            self.image, import_life.copying(
                'slow', 'users', allow_failure=True))
        # Now there is nobody but a worker.
        self.glance.kill()
        self.glance.clear_faults(fault)
        worker = workers.Worker(self.glance)
        self.addCleanup(worker.kill)
        worker.start()
        cases.until(lambda: f'Action {action} (copy-image) of image '
                            f'{self.image} ended' in worker.log())
        self.glance.start()
        self.assertUndone(self.ended(action), 'store_needs_user_token',
                          self.before, [f'fast/{self.image}'])
        # What needs no token is what workers are for.
        other = self.begin(self.image, import_life.copying('slow'))
        self.assertCopied(self.ended(other), self.image, 'slow', data=DATA)
        self.assertIn(other, worker.log())


class ImportTest(import_requests.RequestCase):
    """Workers fetch, verify and make images; the API does none of it."""

    def setUp(self):
        self.server = http.shared()
        board = workers.redis()
        self.addCleanup(workers.forget, board)
        self.glance = glance.Glance(config={
            'glance_ext': {
                'executor': 'jobboard', 'jobboard_url': board,
                'heartbeat_timeout': TIMEOUT, 'shutdown_timeout': 2}})
        self.addCleanup(self.glance.stop, signal.SIGKILL)
        self.glance.start()

    def test_imports_and_an_export_run_in_a_worker(self):
        data = disks.qcow2()
        target = self.enterContext(http_raw.Server(
            lambda headers, body: http_raw.answer(201)))
        located = self.begin(self.serve(data), stores=['slow'])
        uploaded = self.begin(stores=['fast'])
        self.expect(204, self.upload(uploaded, data))
        movie = self.server.serve(f'/{self.id()}/movie', disks.movie())
        bad = self.begin(movie, image_properties={'disk_format': 'qcow2'})
        worker = workers.Worker(self.glance)
        self.addCleanup(worker.kill)
        worker.start()
        for path in (located, uploaded):
            found = self.wait(path)
            self.assertEqual('success', found['status'], found)
            image = found['image_ref'].rpartition('/')[2]
            self.assertEqual(data, self.glance.download(image, MEMBER))
        self.assertRegex(self.refused(bad), 'qcow2')
        exported = self.expect(201, self.glance.request(
            'POST', f'/v2/images/{image}/export',
            {'location': f'{target.url}/x'}, user=MEMBER)).headers['Location']
        exported = exported.removeprefix(self.glance.url)
        self.assertEqual('success', self.wait(exported)['status'])
        for path in (located, uploaded, bad, exported):
            # The API only takes the bytes of an upload.
            ended = f'Action {path.rpartition("/")[2]} .* ended'
            self.assertRegex(worker.log(), ended)
            self.assertNotRegex(self.glance.log(), ended)
