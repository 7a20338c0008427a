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
"""Threads, and the end of a process, as each server has them."""

import importlib
import os
import signal
import sys
import types
import unittest
from unittest import mock

from oslo_config import cfg
from oslo_config import fixture

from glance_ext import conf
from glance_ext.host import pools


class Case(unittest.TestCase):
    def setUp(self):
        conf.register_opts(cfg.CONF)
        self.options = self.enterContext(fixture.Config(cfg.CONF))
        self.green = self.patch(pools.release, 'has_green_threads',
                                return_value=False)

    def patch(self, owner, name, *new, **how):
        return self.enterContext(mock.patch.object(owner, name, *new, **how))


class RoomTest(Case):
    def room(self, wanted, threads):
        self.options.config(max_running_actions=wanted, group='glance_ext')
        self.options.config(task_pool_threads=threads, group='wsgi')
        return pools.room()

    def test_glances_own_imports_keep_two_threads(self):
        self.assertEqual([4, 6, 1, 1], [
            self.room(4, 16), self.room(20, 8), self.room(4, 3),
            self.room(4, 1)])

    def test_green_threads_are_as_many_as_wanted(self):
        self.green.return_value = True
        self.assertEqual(20, self.room(20, 8))

    def test_work_runs_in_glances_pool(self):
        pool = self.patch(pools.common, 'get_thread_pool')
        pools.run(print, 'a', 'b')
        pool.assert_called_once_with('tasks_pool')
        pool.return_value.spawn.assert_called_once_with(print, 'a', 'b')


class SecondsTest(Case):
    def test_apache_gives_no_more_than_two(self):
        for wanted in (30, 1):
            self.options.config(shutdown_timeout=wanted, group='glance_ext')
            self.assertEqual(wanted, pools.seconds_to_end())
            with mock.patch.dict(sys.modules, mod_wsgi=types.ModuleType('m')):
                self.assertEqual(min(wanted, 2), pools.seconds_to_end())


class ExitCase(Case):
    def setUp(self):
        super().setUp()
        self.done = []

    def stop(self):
        self.done.append('stopped')

    def modules(self, **found):
        def load(name):
            if name not in found:
                raise ImportError(name)
            return found[name]
        self.patch(importlib, 'import_module', load)


class ExitTest(ExitCase):
    def test_before_python_waits_for_its_threads(self):
        self.modules()
        register = self.patch(pools.threading, '_register_atexit')
        pools.on_exit(self.stop)
        register.assert_called_once_with(self.stop)

    def test_a_python_without_that_hook_has_the_usual_one(self):
        self.modules()
        with (mock.patch.object(pools, 'threading', types.SimpleNamespace()),
              mock.patch.object(pools.atexit, 'register') as register):
            pools.on_exit(self.stop)
        register.assert_called_once_with(self.stop)

    def test_uwsgi_calls_it_before_what_was_there(self):
        uwsgi = types.SimpleNamespace()
        self.modules(uwsgi=uwsgi)
        pools.on_exit(self.stop)
        uwsgi.atexit()
        self.assertEqual(['stopped'], self.done)
        uwsgi.atexit = lambda: self.done.append('then')
        pools.on_exit(self.stop)
        uwsgi.atexit()
        self.assertEqual(['stopped', 'stopped', 'then'], self.done)


class GreenExitTest(ExitCase):
    """Signals are kept in a dictionary: the process is that of the tests."""

    def setUp(self):
        super().setUp()
        self.green.return_value = True
        self.handlers = {signal.SIGTERM: signal.SIG_DFL,
                         signal.SIGHUP: lambda number, frame:
                         self.done.append('accepts no more')}
        self.patch(signal, 'getsignal', self.handlers.get)
        self.patch(signal, 'signal', self.handlers.__setitem__)
        self.register = self.patch(pools.atexit, 'register')
        self.patch(os, 'kill', lambda pid, number: self.done.append(
            (pid, number, self.handlers[number])))
        self.spawned = []
        self.modules(eventlet=types.SimpleNamespace(
            spawn=self.spawned.append))

    def test_the_end_in_order(self):
        pools.on_exit(self.stop)
        self.register.assert_called_once_with(self.stop)

    def test_a_worker_that_is_told_to_end_stops_first(self):
        pools.on_exit(self.stop)
        self.handlers[signal.SIGTERM](signal.SIGTERM, None)
        self.assertEqual(signal.SIG_IGN, self.handlers[signal.SIGTERM])
        self.assertEqual(['accepts no more'], self.done)
        self.spawned[0]()
        self.assertEqual(
            ['accepts no more', 'stopped',
             (os.getpid(), signal.SIGTERM, signal.SIG_DFL)], self.done)

    def test_who_cares_about_the_signal_keeps_it(self):
        def own(*_):
            pass
        self.handlers[signal.SIGTERM] = own
        pools.on_exit(self.stop)
        self.assertIs(own, self.handlers[signal.SIGTERM])

    def test_a_worker_without_a_handler_for_sighup(self):
        self.handlers[signal.SIGHUP] = signal.SIG_DFL
        pools.on_exit(self.stop)
        self.handlers[signal.SIGTERM](signal.SIGTERM, None)
        self.assertEqual(([], 1), (self.done, len(self.spawned)))
