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

import unittest
from unittest import mock

from glance_ext.actions import jobboard


class SettingsTest(unittest.TestCase):
    def test_a_redis_url_with_everything(self):
        self.assertEqual(
            {'board': 'redis', 'host': 'h', 'port': 1, 'db': '3',
             'username': 'u', 'password': 'p/w', 'ssl': True,
             'namespace': 'n', 'socket_timeout': 5,
             'socket_connect_timeout': 5},
            jobboard._settings('rediss://u:p%2Fw@h:1/3?namespace=n'))

    def test_an_etcd_url(self):
        self.assertEqual(
            {'board': 'etcd', 'host': 'h', 'port': 2379, 'timeout': 5,
             'path': 'glance_ext', 'protocol': 'https'},
            jobboard._settings('etcds://h:2379'))

    def test_urls_with_the_least(self):
        self.assertEqual(
            {'board': 'redis', 'host': '127.0.0.1', 'db': '0',
             'namespace': 'glance_ext', 'socket_timeout': 5,
             'socket_connect_timeout': 5}, jobboard._settings('redis://'))
        self.assertEqual(
            {'board': 'etcd', 'host': 'h', 'timeout': 5,
             'path': 'glance_ext'}, jobboard._settings('etcd://h'))

    def test_what_is_no_jobboard_is_refused_without_its_text(self):
        for url in ('', 'http://h', 'redis://secret:port'):
            with (
                self.subTest(url),
                self.assertRaises(jobboard.Unavailable) as caught,
            ):
                jobboard.Board(url, 'me')
            self.assertEqual('jobboard_url is no redis://, rediss://, '
                             'etcd:// or etcds:// URL', str(caught.exception))

    def test_a_missing_package_is_named(self):
        for url, package in (('redis://h', 'redis'), ('etcd://h', 'etcd3gw')):
            with (
                mock.patch.dict('sys.modules', {package: None}),
                mock.patch(
                    'taskflow.jobs.backends.fetch', side_effect=ImportError),
                self.assertRaises(jobboard.Unavailable) as caught,
            ):
                jobboard.Board(url, 'me')
            self.assertEqual(
                f'The jobboard needs a taskflow that knows '
                f'{url.partition(":")[0]!r}, and the Python package '
                f'{package}: ImportError', str(caught.exception))

    def test_a_server_that_is_not_there_is_told_without_its_address(self):
        board = jobboard.Board('redis://u:secret@127.0.0.1:1/0', 'me')
        with self.assertRaises(jobboard.Unavailable) as caught:
            board.connect()
        self.assertNotIn('secret', str(caught.exception))
        self.assertNotIn('127.0.0.1', str(caught.exception))
