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
import unittest

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
