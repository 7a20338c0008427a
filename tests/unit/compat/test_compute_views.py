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


"""The shape of Nova's images where a running Nova is not at hand."""

import unittest

from glance_ext.compat import compute_views

IMAGE = {'id': 'i', 'name': 'n', 'status': 'active', 'properties': {}}
VIEW = compute_views.View('http://h/compute/v2.1', '', 'http://g')


class ViewTest(unittest.TestCase):
    def test_states(self):
        for state, shown in (
            ('active', ('ACTIVE', 100)),
            ('queued', ('SAVING', 25)),
            ('importing', ('SAVING', 50)),
            ('killed', ('ERROR', 0)),
            ('deactivated', ('UNKNOWN', 0)),
            ('a new one', ('UNKNOWN', 0)),
        ):
            full = VIEW.full(IMAGE | {'status': state})
            self.assertEqual(shown, (full['status'], full['progress']))

    def test_a_filter_by_state_asks_for_all_of_its_states(self):
        self.assertEqual(
            ['queued', 'saving', 'uploading', 'importing'],
            compute_views.states('saving'),
        )
        self.assertEqual(['active'], compute_views.states('ACTIVE'))
        self.assertEqual(['x'], compute_views.states('X'))

    def test_a_snapshot_names_its_server(self):
        full = VIEW.full(IMAGE | {'properties': {'instance_uuid': 's'}})
        self.assertEqual(
            {
                'id': 's',
                'links': [
                    {
                        'rel': 'self',
                        'href': 'http://h/compute/v2.1/servers/s',
                    },
                    {'rel': 'bookmark', 'href': 'http://h/compute/servers/s'},
                ],
            },
            full['server'],
        )

    def test_disk_config(self):
        for value, shown in (('True', 'AUTO'), ('no', 'MANUAL')):
            image = IMAGE | {'properties': {'auto_disk_config': value}}
            self.assertEqual(shown, VIEW.full(image)['OS-DCF:diskConfig'])
        self.assertNotIn('OS-DCF:diskConfig', VIEW.full(IMAGE))

    def test_a_full_page_has_a_next_one(self):
        self.assertEqual([], VIEW.next_page('images', {}, [IMAGE]))
        (link,) = VIEW.next_page(
            'images', {'name': 'a b', 'limit': '1', 'marker': 'x'}, [IMAGE]
        )
        self.assertEqual(
            'http://h/compute/v2.1/images?limit=1&marker=i&name=a+b',
            link['href'],
        )
