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
"""In which threads actions run, and what ends them with their process."""

import signal
import sys
import types
import unittest
from unittest import mock

from oslo_config import cfg

from glance_ext.host import pools


class Case(unittest.TestCase):
    def setUp(self):
        self.green = False
        self.have(pools.release, 'has_green_threads', lambda: self.green)

    def have(self, module, name, *new, **how):
        return self.enterContext(mock.patch.object(
            module, name, *new, **how))

    def options(self, threads=64, **ours):
        self.have(cfg, 'CONF', types.SimpleNamespace(
            glance_ext=types.SimpleNamespace(**ours),
            wsgi=types.SimpleNamespace(task_pool_threads=threads)))


class RoomTest(Case):
    def test_some_threads_are_left_to_glance(self):
        for threads, wanted, green, room in (
                (64, 4, False, 4), (5, 4, False, 3), (4, 4, True, 4),
                (2, 4, False, 1), (1, 4, False, 1)):
            self.options(threads, max_running_actions=wanted)
            self.green = green
            self.assertEqual(room, pools.room(), (threads, green))

    def test_work_runs_in_the_pool(self):
        pool = self.have(pools.common, 'get_thread_pool')
        pools.run(print, 'a', 'b')
        pool.assert_called_once_with('tasks_pool')
        pool.return_value.spawn.assert_called_once_with(print, 'a', 'b')

    def test_apache_waits_for_nobody(self):
        for name, wanted, seconds in (
                ('mod_wsgi', 60, 2), ('mod_wsgi', 1, 1), ('other', 60, 60)):
            self.options(shutdown_timeout=wanted)
            with mock.patch.dict(sys.modules, {name: mock.Mock()}):
                self.assertEqual(seconds, pools.seconds_to_end())


class EndCase(Case):
    """Only what is in ``modules`` can be imported."""

    def setUp(self):
        super().setUp()
        self.stop = mock.Mock()
        self.modules = {}
        self.have(pools.importlib, 'import_module', self.import_module)

    def import_module(self, name):
        if name not in self.modules:
            raise ImportError(name)
        return self.modules[name]


class ExitTest(EndCase):
    def test_before_python_waits_for_its_threads(self):
        register = self.have(pools.threading, '_register_atexit')
        pools.on_exit(self.stop)
        register.assert_called_once_with(self.stop)

    def test_before_uwsgi_ends_and_before_what_was_there(self):
        order = []
        uwsgi = types.SimpleNamespace(atexit=lambda: order.append('theirs'))
        self.modules['uwsgi'] = uwsgi
        self.stop.side_effect = lambda: order.append('ours')
        pools.on_exit(self.stop)
        uwsgi.atexit()
        self.assertEqual(['ours', 'theirs'], order)

    def test_uwsgi_may_have_nothing_to_do(self):
        self.modules['uwsgi'] = types.SimpleNamespace()
        pools.on_exit(self.stop)
        self.stop.assert_not_called()
        self.modules['uwsgi'].atexit()
        self.stop.assert_called_once_with()


class GreenExitTest(EndCase):
    """In a worker of eventlet's, which would just die of SIGTERM."""

    def setUp(self):
        super().setUp()
        self.green = True
        self.registered = self.have(pools.atexit, 'register')
        self.handlers = {signal.SIGTERM: signal.SIG_DFL,
                         signal.SIGHUP: mock.Mock()}
        self.have(signal, 'getsignal', self.handlers.get)
        self.have(signal, 'signal', self.handlers.__setitem__)
        self.kill = self.have(pools.os, 'kill')
        self.modules['eventlet'] = types.SimpleNamespace(
            spawn=lambda work: work())

    def term(self):
        pools.on_exit(self.stop)
        self.registered.assert_called_once_with(self.stop)
        self.handlers[signal.SIGTERM](signal.SIGTERM, None)

    def test_what_runs_is_stopped_before_it_dies(self):
        self.kill.side_effect = lambda *_: self.stop.assert_called_once_with()
        self.term()
        self.kill.assert_called_once_with(pools.os.getpid(), signal.SIGTERM)
        self.assertEqual(signal.SIG_DFL, self.handlers[signal.SIGTERM])
        self.handlers[signal.SIGHUP].assert_called_once_with(
            signal.SIGHUP, None)

    def test_requests_are_accepted_where_nothing_ends_that(self):
        self.handlers[signal.SIGHUP] = signal.SIG_DFL
        self.term()
        self.stop.assert_called_once_with()

    def test_a_second_signal_while_it_stops_is_ignored(self):
        self.stop.side_effect = lambda: self.assertEqual(
            signal.SIG_IGN, self.handlers[signal.SIGTERM])
        self.term()
        self.stop.assert_called_once_with()

    def test_a_server_that_handles_the_signal_is_left_alone(self):
        theirs = mock.Mock()
        self.handlers[signal.SIGTERM] = theirs
        self.term()
        theirs.assert_called_once_with(signal.SIGTERM, None)
        self.stop.assert_not_called()
