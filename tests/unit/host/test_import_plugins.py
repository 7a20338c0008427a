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
"""What plugins change of an image is kept, and written when it is time."""

from types import SimpleNamespace
import unittest

from glance import domain

from glance_ext.host import import_plugins


def image(disk_format='raw', **properties):
    return SimpleNamespace(
        size=1, virtual_size=None, disk_format=disk_format,
        container_format='bare',
        extra_properties=domain.ExtraProperties(properties))


class ChangesTest(unittest.TestCase):

    def test_what_was_noted_is_made_in_another_image_and_nothing_else(self):
        changes = import_plugins.Changes()
        changes.note(image(a='1', b='2', os_glance_x='old'),
                     image('qcow2', a='1', c='3', os_glance_x='new'))
        other = image(a='new', b='2', d='4', os_glance_x='old')
        changes.make(other)
        self.assertEqual('qcow2', other.disk_format)
        self.assertEqual(
            {'a': 'new', 'c': '3', 'd': '4', 'os_glance_x': 'old'},
            dict(other.extra_properties))

    def test_nothing_noted_is_nothing_made(self):
        changes = import_plugins.Changes()
        changes.note(image(a='1'), image(a='1'))
        other = image(b='2')
        changes.make(other)
        self.assertEqual({'b': '2'}, dict(other.extra_properties))
