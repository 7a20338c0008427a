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

import types
import unittest

from keystoneauth1 import exceptions as auth_exceptions
from openstack import exceptions

from glance_ext.osc import selection


def clients(find=None):
    """Return the clients of somebody whose Keystone finds projects so."""
    identity = types.SimpleNamespace()
    if find is not None:
        identity.find_project = find
    return types.SimpleNamespace(
        sdk_connection=types.SimpleNamespace(identity=identity)
    )


class ProjectTest(unittest.TestCase):
    def test_keystone_knows_the_name(self):
        def find(name):
            return types.SimpleNamespace(id=f'id of {name}')

        self.assertEqual(
            'id of demo', selection.project_id(clients(find), 'demo')
        )
        self.assertIsNone(selection.project_id(clients(find), None))

    def test_what_keystone_does_not_know_may_be_an_id(self):
        self.assertEqual(
            'p1', selection.project_id(clients(lambda name: None), 'p1')
        )

    def test_without_keystone_it_has_to_be_an_id(self):
        for those in (clients(), types.SimpleNamespace()):
            self.assertEqual('p1', selection.project_id(those, 'p1'))

    def test_whoever_may_not_ask_gives_an_id(self):
        for error in (
            auth_exceptions.Forbidden(),
            auth_exceptions.EndpointNotFound(),
            exceptions.ForbiddenException(),
        ):

            def find(name, error=error):
                raise error

            self.assertEqual('p1', selection.project_id(clients(find), 'p1'))
