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
"""An option that is broken is the operator's affair, not a member's."""

from tests.functional import import_life
from tests.functional import import_requests
from tests.harness.users import MEMBER

MARK = 'marked-option'


class BrokenOptionsTest(import_requests.RequestCase):
    arguments = {'config': {
        'import_filtering_opts': {'allowed_ports': MARK},
        'glance_ext': {'verifiers': f'{MARK},size'}}}

    def test_answers_do_not_quote_an_option(self):
        image = self.glance.create(MEMBER)['id']
        active = self.glance.upload(b'data', user=MEMBER,
                                    visibility='private')
        location = 'http://127.0.0.1/disk'
        for path, body in (
                ('image-imports', {'location': location}),
                (f'images/{image}/import', import_life.downloading(location)),
                (f'images/{active}/export', {'location': location})):
            with self.subTest(path):
                answer = self.glance.request('POST', f'/v2/{path}', body,
                                             user=MEMBER)
                self.assertEqual(500, answer.status, answer.text)
                self.assertNotIn(MARK, answer.text)
        self.assertIn(MARK, self.glance.log())

    def test_actions_do_not_quote_an_option(self):
        path = self.begin()
        self.expect(204, self.upload(path, b'data'))
        self.assertEqual('A verifier of this host is not installed; its log '
                         'has the name', self.refused(path))
