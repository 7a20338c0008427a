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
"""The limits of a project, as the option or Keystone has them."""

from unittest import mock

from oslo_limit import limit

from glance_ext import errors
from glance_ext.host import claims
from glance_ext.host import contexts
from glance_ext.host import quotas
from tests.unit import tables

MIB = 1 << 20


class QuotaCase(tables.TablesCase):
    def setUp(self):
        super().setUp()
        self.context = contexts.of_caller({
            'user_id': 'me', 'project_id': tables.PROJECT, 'roles': [],
            'is_admin': False})

    def have_keystone(self, registered, project=()):
        """Have Keystone tell these limits."""
        self.options.config(use_keystone_limits=True)
        enforcer = self.enterContext(mock.patch.object(
            limit, 'Enforcer')).return_value
        enforcer.get_registered_limits.return_value = list(registered.items())
        enforcer.get_project_limits.return_value = list(dict(project).items())
        return enforcer


class LimitsTest(QuotaCase):
    def test_the_option_is_one(self):
        self.assertEqual({}, quotas.limits(self.context))
        self.options.config(user_storage_quota='2MB')
        self.assertEqual({claims.STORAGE: 2 * MIB},
                         quotas.limits(self.context))
        self.assertEqual({}, quotas.limits(contexts.admin()))

    def test_those_of_keystone_take_its_place(self):
        self.options.config(user_storage_quota='2MB')
        self.have_keystone({claims.SIZE: 5, claims.STAGE: 6, claims.IMAGES: 7,
                            'servers': 8}, {claims.STAGE: 9,
                                            claims.IMAGES: -1})
        self.assertEqual(
            {claims.SIZE: 5, claims.STAGE: 9, claims.UPLOADING: 0},
            quotas.limits(self.context))

    def test_what_was_known_holds_while_keystone_is_away(self):
        enforcer = self.have_keystone({})
        enforcer.get_registered_limits.side_effect = OSError
        self.assertEqual({claims.SIZE: 5},
                         quotas.limits(self.context, {claims.SIZE: 5}))
        with self.assertRaises(OSError):
            quotas.limits(self.context)


class MostTest(QuotaCase):
    def most(self, copies=1):
        found = quotas.most(self.context, copies)
        return int(found), found.limit

    def test_the_least_of_all_bounds_each_copy(self):
        self.options.config(image_size_cap=10 * MIB)
        self.assertEqual((10 * MIB, 'image_size_cap'), self.most())
        self.options.config(user_storage_quota='8MB')
        self.add_image(size=MIB, locations=('file:///a', 'file:///b'))
        self.assertEqual((6 * MIB, claims.STORAGE), self.most())
        self.assertEqual((2 * MIB, claims.STORAGE), self.most(3))

    def test_keystone_counts_whole_mebibytes(self):
        self.have_keystone({claims.SIZE: 5})
        self.add_image(size=2 * MIB, locations=('file:///a',))
        size, name = self.most()
        self.assertEqual((4 * MIB - 1, claims.SIZE), (size, name))
        for added, refused in ((size, False), (size + 1, True)):
            claim = quotas.claim(self.context, added, 1)
            self.assertEqual(refused, bool(quotas.refuse(claim)))
        self.add_image(size=9 * MIB, locations=('file:///a',))
        self.assertEqual((0, claims.SIZE), self.most())

    def test_a_refusal_names_the_limit(self):
        self.options.config(user_storage_quota='1')
        claim = quotas.claim(self.context, 2, 1)
        self.assertIn('user_storage_quota', quotas.refuse(claim))
        with self.assertRaises(errors.ImageTooLarge):
            self.do(claim.require)
