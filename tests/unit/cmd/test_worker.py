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

import contextlib
import io
import signal
import unittest
from unittest import mock

from oslo_config import cfg
from oslo_config import fixture

from glance_ext import conf
from glance_ext.actions import jobboard
from glance_ext.actions import metrics
from glance_ext.actions import posting
from glance_ext.actions import worker as actions
from glance_ext.cmd import metrics_port
from glance_ext.cmd import server
from glance_ext.cmd import worker


class Ended(BaseException):
    """The process would have ended."""


class WorkerTest(unittest.TestCase):
    def setUp(self):
        conf.register_opts(cfg.CONF)
        self.enterContext(fixture.Config(cfg.CONF))
        self.set_up = self.have(server, 'set_up', return_value=True)
        self.board = self.have(posting, 'board')
        self.worker = self.have(actions, 'Worker').return_value
        self.serve = self.have(metrics_port, 'serve')
        self.handlers = {}
        self.have(signal, 'signal', self.handlers.__setitem__)
        self.end = self.have(worker.os, '_exit', side_effect=Ended)

    def have(self, module, name, *new, **how):
        return self.enterContext(
            mock.patch.object(module, name, *new, **how)
        )

    def work(self, *arguments):
        """Return the exit status, None for none, and standard error."""
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            try:
                status = worker.main(arguments)
            except Ended:
                status = None
        return status, errors.getvalue()

    def test_it_works_until_it_is_told_to_stop(self):
        self.assertEqual((None, ''), self.work())
        self.worker.run.assert_called_once_with()
        actions.Worker.assert_called_once_with(self.board.return_value)
        self.end.assert_called_once_with(0)
        self.serve.assert_not_called()
        self.assertEqual('jobboard', cfg.CONF.glance_ext.executor)

    def test_what_signals_do(self):
        self.work()
        reload = self.have(cfg.CONF, 'reload_config_files')
        for number in (signal.SIGTERM, signal.SIGINT):
            self.handlers.pop(number)(number, None)
            self.worker.stopped.set.assert_called_once_with()
            self.worker.stopped.set.reset_mock()
        self.handlers.pop(signal.SIGHUP)(signal.SIGHUP, None)
        reload.assert_called_once_with()
        self.assertEqual({}, self.handlers)

    def test_metrics_are_shown_where_they_are_asked_for(self):
        self.assertEqual((None, ''), self.work('--metrics-port', '9090'))
        self.serve.assert_called_once_with(('127.0.0.1', 9090))

    def test_what_keeps_it_from_starting(self):
        for call, error, said in (
            (self.board, jobboard.Unavailable('No such board'), 'No such b'),
            (self.serve, OSError('Address in use'), 'Address in use'),
            (self.serve, metrics.Absent(), '--metrics-port needs prometheus'),
        ):
            with self.subTest(said):
                call.side_effect = error
                status, errors = self.work('--metrics-port', '9090')
                self.assertEqual(1, status)
                self.assertIn(f'glance-ext-worker: {said}', errors)
                call.side_effect = None
        self.worker.run.assert_not_called()

    def test_it_needs_what_the_api_needs(self):
        self.set_up.return_value = False
        self.assertEqual((1, ''), self.work())
        self.set_up.assert_called_once_with(
            mock.ANY, 0, 'glance-ext-worker', is_service=True
        )
        self.worker.run.assert_not_called()

    def test_wrong_usage_ends_with_2(self):
        with self.assertRaises(SystemExit) as ended:
            self.work('--metrics-port', 'x')
        self.assertEqual(2, ended.exception.code)
