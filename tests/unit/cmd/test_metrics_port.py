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
import socket
import unittest
from unittest import mock
import urllib.request

from glance_ext.actions import metrics
from glance_ext.cmd import metrics_port


class AddressTest(unittest.TestCase):
    def test_a_port_alone_is_for_this_machine(self):
        for text, where in (
            ('9090', ('127.0.0.1', 9090)),
            ('0.0.0.0:9090', ('0.0.0.0', 9090)),
            ('[::1]:9090', ('::1', 9090)),
        ):
            self.assertEqual(where, metrics_port.address(text))

    def test_what_is_no_port_is_refused(self):
        for text in ('', 'x', '70000', 'host:', '-1'):
            with (
                self.subTest(text),
                self.assertRaises(argparse.ArgumentTypeError),
            ):
                metrics_port.address(text)


class ServeTest(unittest.TestCase):
    def setUp(self):
        self.text = self.enterContext(
            mock.patch.object(metrics, 'text', return_value=b'actions 1\n')
        )
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            self.where = metrics_port.Address(*probe.getsockname())

    def test_a_scrape_gets_what_is_counted(self):
        server = metrics_port.serve(self.where)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        url = f'http://127.0.0.1:{self.where.port}/metrics'
        with urllib.request.urlopen(url, timeout=10) as answer:
            self.assertEqual(b'actions 1\n', answer.read())
            self.assertEqual(
                metrics.CONTENT_TYPE, answer.headers['Content-Type']
            )

    def test_what_hinders_it_is_said_before_it_listens(self):
        self.text.side_effect = metrics.Absent
        with self.assertRaises(metrics.Absent):
            metrics_port.serve(self.where)
        self.text.side_effect = None
        with socket.socket() as taken:
            taken.bind(self.where)
            taken.listen()
            with self.assertRaises(OSError):
                metrics_port.serve(self.where)
