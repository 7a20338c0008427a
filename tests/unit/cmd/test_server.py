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

import argparse
import contextlib
import io
import os
import signal
import unittest
from unittest import mock
import warnings

from oslo_db import exception as db_exception
from sqlalchemy import exc as sa_exceptions

from glance_ext.cmd import server
from glance_ext.host import setup
from glance_ext.host import supported


class ArgumentsTest(unittest.TestCase):
    def test_times_are_seconds_minutes_hours_or_days(self):
        for text, seconds in (
            ('0', 0), ('90', 90), ('5s', 5), ('30m', 1800), ('8h', 28800),
            ('7d', 604800),
        ):
            self.assertEqual(seconds, server.duration(text))

    def test_amounts_are_powers_of_1024(self):
        for text, count in (
            ('0', 0), ('500k', 512000), ('2M', 2 << 20), ('1G', 1 << 30),
            ('1t', 1 << 40),
        ):
            self.assertEqual(count, server.amount(text))

    def test_what_is_neither_is_refused(self):
        for read in (server.duration, server.amount, server.positive):
            for text in ('', '-1', '1.5', 'x', '1y', ' 1'):
                with (
                    self.subTest(read=read.__name__, text=text),
                    self.assertRaises(argparse.ArgumentTypeError),
                ):
                    read(text)

    def test_sizes_are_worded_for_people(self):
        for count, text in (
            (0, '0 B'), (1023, '1023 B'), (1024, '1.0 KiB'),
            (3 << 39, '1.5 TiB'), (1 << 63, '8192.0 PiB'),
        ):
            self.assertEqual(text, server.size(count))


class SetUpTest(unittest.TestCase):
    def setUp(self):
        self.enterContext(warnings.catch_warnings())
        self.supported = self.have(supported, 'check')
        self.read = self.have(setup, 'read_options')
        self.prepare = self.have(setup, 'prepare_actions')
        self.database = self.have(server, 'require_database')

    def have(self, module, name):
        return self.enterContext(mock.patch.object(module, name))

    def set_up(self, threads=None, is_service=False, **given):
        """Return what it returns, and standard error."""
        arguments = argparse.Namespace(
            **{'config_file': None, 'config_dir': None} | given
        )
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            done = server.set_up(arguments, threads, is_service=is_service)
        return done, errors.getvalue()

    def test_options_are_read_from_where_it_is_told(self):
        for given, read in (
            ({}, []),
            (
                {'config_file': ['a', 'b'], 'config_dir': ['c']},
                ['--config-file=a', '--config-file=b', '--config-dir=c'],
            ),
        ):
            self.assertEqual((True, ''), self.set_up(**given))
            self.read.assert_called_with(
                read, program='glance-ext-manage', is_service=False
            )

    def test_actions_can_run_where_some_are_to(self):
        self.set_up()
        self.prepare.assert_not_called()
        for threads in (0, 4):
            self.assertEqual((True, ''), self.set_up(threads))
            self.prepare.assert_called_with(threads)

    def test_what_makes_it_impossible(self):
        for call, error in (
            (self.supported, supported.UnsupportedHost('why')),
            (self.supported, ImportError('why')),
            (self.read, setup.Unusable('why')),
            (self.prepare, setup.Unusable('why')),
            (self.database, setup.Unusable('why')),
        ):
            call.side_effect = error
            self.assertEqual(
                (False, 'glance-ext-manage: why\n'), self.set_up(1)
            )
            call.side_effect = None


    def test_service_waits_for_its_database(self):
        self.assertEqual((True, ''), self.set_up(0, is_service=True))
        self.database.assert_not_called()


class RunTest(unittest.TestCase):
    def run_(self, error):
        """Return the exit status and standard error of a failing command."""
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            status = server.run('tool', mock.Mock(side_effect=error), failed=9)
        return status, errors.getvalue()

    def test_unexpected_error_is_one_line_without_its_text(self):
        status, said = self.run_(ValueError('secret'))
        self.assertEqual(9, status)
        self.assertRegex(said, r'^tool: unexpected ValueError; .*\n$')
        self.assertNotIn('secret', said)

    def test_database_failure_names_the_drivers_reason(self):
        cause = sa_exceptions.OperationalError(
            'SELECT 1', {'p': 'secret'}, Exception(2003, 'gone')
        )
        self.assertEqual(
            (9, 'tool: the database failed: Exception: 2003 gone\n'),
            self.run_(db_exception.DBConnectionError(cause)),
        )

    def test_file_error_names_the_file(self):
        status, said = self.run_(PermissionError(13, 'Denied', '/a/file'))
        self.assertEqual((9, "tool: [Errno 13] Denied: '/a/file'\n"),
                         (status, said))


class StopTest(unittest.TestCase):
    def setUp(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            self.addCleanup(signal.signal, number, signal.getsignal(number))

    def test_each_signal_stops_and_the_next_one_ends(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            stopped = server.stop_on_signal()
            self.assertFalse(stopped.is_set())
            os.kill(os.getpid(), number)
            self.assertTrue(stopped.wait(10))
            self.assertEqual(signal.SIG_DFL, signal.getsignal(number))


class OutputTest(unittest.TestCase):
    def test_a_line_of_json(self):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            server.show({'a': [1]})
        self.assertEqual('{"a": [1]}\n', output.getvalue())
