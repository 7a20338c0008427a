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
"""What of an action's secrets its row may hold."""

import unittest

from oslo_config import cfg
from oslo_config import fixture

from glance_ext import conf
from glance_ext import errors
from glance_ext.actions import secrets

KEPT = {'query': 'a=b&c=d', 'password': 'päss'}


class SecretsTest(unittest.TestCase):
    def setUp(self):
        conf.register_opts(cfg.CONF)
        self.options = self.enterContext(fixture.Config(cfg.CONF))

    def key(self, key):
        self.options.config(group='glance_ext', secret_key=key and key * 16)

    def lost(self, sealed, name='query'):
        with self.assertRaises(errors.CredentialsLost) as caught:
            secrets.unseal(sealed, name)
        return caught.exception.message

    def test_without_a_key_nothing_is_kept(self):
        self.assertEqual({}, secrets.seal(KEPT))

    def test_every_process_with_the_key_can_read_it_and_nobody_else(self):
        self.key('k')
        sealed = secrets.seal(KEPT)
        for name, secret in KEPT.items():
            self.assertNotIn(secret, str(sealed))
            self.assertEqual(secret, secrets.unseal(sealed, name))

    def test_another_key_opens_nothing(self):
        self.key('k')
        sealed = secrets.seal(KEPT)
        self.key('other')
        self.assertEqual('The query string of the URI was encrypted with '
                         'another secret_key', self.lost(sealed))

    def test_a_key_that_is_too_short_is_refused_and_not_quoted(self):
        with self.assertRaises(ValueError) as caught:
            self.options.config(group='glance_ext', secret_key='a' * 15)
        self.assertEqual('it has fewer than 16 characters',
                         str(caught.exception))

    def test_what_was_not_kept_is_lost(self):
        self.key('k')
        sealed = secrets.seal({'password': 'p'})
        lost = ('The query string of the URI went with the process that '
                'accepted the action; secret_key would keep it')
        self.assertEqual(lost, self.lost(sealed))
        self.key(None)
        self.assertEqual(lost, self.lost(sealed, 'password'))
