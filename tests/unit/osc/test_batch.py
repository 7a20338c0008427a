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
import io
import os
import signal
import threading
from unittest import mock

from glance_ext.osc import full_queue
from tests.unit.client import stub
from tests.unit.osc import shell

HASH = 'image hash calculate'


def begun(name, status='pending'):
    return stub.Reply(202, {'id': name, 'status': status})


def seen(name, status):
    return stub.Reply(200, {'id': name, 'status': status})


class ParallelTest(shell.ShellCase):
    def setUp(self):
        super().setUp()
        for n in (1, 2, 3):
            self.image(f'i{n}', name=f'n{n}')
            self.server.on(f'POST /v2/images/i{n}/hash', begun(f'a{n}'))
            self.server.on(
                f'GET /v2/image-actions/a{n}',
                seen(f'a{n}', 'processing'),
                seen(f'a{n}', 'success'),
            )

    def order(self):
        return [
            call.replace('/v2/images/', '').replace('/v2/image-actions/', '')
            for call in self.server.calls()
            if '/hash' in call or 'image-actions' in call
        ]

    def test_another_is_started_when_one_has_ended(self):
        rows = self.rows(f'{HASH} --parallel 1 i1 i2 i3')
        self.assertEqual(['success'] * 3, [row['status'] for row in rows])
        self.assertEqual(
            [
                call
                for n in (1, 2, 3)
                for call in (f'POST i{n}/hash', f'GET a{n}', f'GET a{n}')
            ],
            self.order(),
        )

    def test_with_wait_all_of_a_few_are_started_at_once(self):
        self.rows(f'{HASH} --wait i1 i2 i3')
        self.assertEqual(
            ['POST i1/hash', 'POST i2/hash', 'POST i3/hash'],
            self.order()[:3],
        )

    def fill(self):
        """Have the queue be full for the first request."""
        self.server.on(
            'POST /v2/images/i1/hash',
            stub.Reply(
                413,
                {'message': 'Too many wait.<br /><br />\n\n\n'},
                headers={'Retry-After': '1'},
            ),
            begun('a1'),
        )

    def test_who_waits_waits_for_a_full_queue_too(self):
        self.fill()
        with mock.patch.object(full_queue.time, 'sleep') as sleep:
            rows = self.rows(f'{HASH} --parallel 1 i1 i2')
        self.assertEqual(['success'] * 2, [row['status'] for row in rows])
        self.assertIn(mock.call(1), sleep.mock_calls)

    def test_a_full_queue_is_told_of_where_nobody_waits(self):
        self.fill()
        rows = self.rows(f'{HASH} i1 i2', status=1)
        self.assertEqual(
            [('error', 'Too many wait. (HTTP 413)'), ('pending', '')],
            [(row['status'], row['message']) for row in rows],
        )

    def test_one_that_is_refused_makes_room(self):
        self.server.on('POST /v2/images/i1/hash', stub.Reply(409, {}))
        rows = self.rows(f'{HASH} --parallel 1 i1 i2', status=1)
        self.assertEqual(
            ['error', 'success'], [row['status'] for row in rows]
        )


class InterruptTest(shell.ShellCase):
    def interrupted(self, line):
        """Return what is said when Ctrl-C comes as action a1 is looked at.

        With what is printed by then in ``self.printed``.
        """
        program = shell.Shell(self.server)
        stop = threading.Event()

        def press():
            while not stop.wait(0.01):
                if 'GET /v2/image-actions/a1' in self.server.calls():
                    os.kill(os.getpid(), signal.SIGINT)
                    return

        finger = threading.Thread(target=press)
        finger.start()
        try:
            status = program.run(line.split())
        finally:
            stop.set()
            finger.join()
        self.assertEqual(130, status)
        self.printed = program.output.getvalue()
        return program.errors.getvalue().splitlines()

    def setUp(self):
        # A script that runs the tests behind it has them ignore it.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        super().setUp()
        self.server.on('POST /v2/images/i1/hash', begun('a1'))
        self.server.on('GET /v2/image-actions/a1', seen('a1', 'processing'))

    def test_it_says_how_to_follow_and_how_to_cancel(self):
        self.image('i2')
        self.server.on('POST /v2/images/i2/hash', begun('a2'))
        self.server.on('GET /v2/image-actions/a2', seen('a2', 'processing'))
        self.assertEqual(
            [
                'Not ended yet, and going on. To follow one, or to cancel:',
                '  openstack image action show --wait a1',
                '  openstack image action cancel a1 a2',
            ],
            self.interrupted(f'{HASH} --wait i1 i2'),
        )
        self.assertRegex(self.printed, r'i1 .* processing')
        self.assertIn('i2', self.printed)

    def test_it_says_that_there_were_more(self):
        self.assertEqual(
            'The other images have not been asked for.',
            self.interrupted(f'{HASH} --parallel 1 i1 i2')[0],
        )

    def test_following_one_can_be_interrupted_too(self):
        self.assertIn(
            '  openstack image action cancel a1',
            self.interrupted('image action show --wait a1'),
        )


class ChosenTest(shell.ShellCase):
    def test_nothing_to_do(self):
        self.images('status=active&')
        self.assertEqual(
            (0, '', 'Nothing to do.\n'), self.openstack(f'{HASH} --missing')
        )
        self.assertEqual([], self.rows(f'{HASH} --missing'))

    def test_a_list_that_ends_early(self):
        listed = 'GET /v2/images?status=active&sort=id%3Aasc&limit=500'
        self.server.on(
            f'{listed}&visibility=all&os_hidden=false',
            stub.Reply(200, {'images': [{'id': 'i1'}]}),
        )
        self.server.on(
            f'{listed}&visibility=all&os_hidden=true',
            stub.Reply(503, {'message': 'Busy.'}),
        )
        self.server.on('POST /v2/images/i1/hash', begun('a1'))
        status, output, errors = self.openstack(f'{HASH} --missing -f json')
        self.assertEqual(1, status)
        self.assertIn('"a1"', output)
        self.assertEqual(
            'The list of images ended early: Busy. (HTTP 503)\n', errors
        )

    def test_the_filters(self):
        self.images(
            'os_distro=debian&tag=old&tag=odd&owner=p1&status=active&',
            {'id': 'i1', 'stores': 'fast,far'},
            {'id': 'i2', 'stores': 'far'},
        )
        rows = self.rows(
            f'{HASH} --dry-run --rehash --project p1 --tag old --tag odd '
            '--property os_distro=debian --in-store fast'
        )
        self.assertEqual(['i1'], [row['image_id'] for row in rows])


class QuietTest(shell.ShellCase):
    def test_quiet_shows_no_progress(self):
        self.server.on('POST /v2/images/i1/hash', begun('a1'))
        self.server.on('GET /v2/image-actions/a1', seen('a1', 'success'))
        program = shell.Shell(self.server, stderr=io.StringIO())
        status = program.run(['-q', *f'{HASH} --wait i1'.split()])
        self.assertEqual((0, ''), (status, program.errors.getvalue()))
