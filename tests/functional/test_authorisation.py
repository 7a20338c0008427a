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
"""Every caller, every kind of image, every call.

Whoever does not see an image in Glance is not told that it is there, and
whoever sees it and may not do something is refused. The long form has all
kinds of images.
"""

from tests.functional import cases
from tests.functional import import_requests
from tests.harness.soaking import SOAK
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER
from tests.harness.users import NOBODY
from tests.harness.users import OTHER
from tests.harness.users import READER
from tests.harness.users import SYSTEM
from tests.harness.users import UNSCOPED

#: The administrator comes last, because what is accepted changes the image.
CALLERS = (NOBODY, UNSCOPED, SYSTEM, OTHER, READER, MEMBER, ADMIN)
SHORT = ('queued', 'active', 'deactivated', 'deleted', 'public',
         'shared with the other')
COPY = {'method': {'name': 'copy-image'}, 'stores': ['cold']}
NOWHERE = 'http://127.0.0.1:1/x'
#: What is asked of an image, and who may, if it is of the member's project.
CALLS = (
    ('hash', {}, {ADMIN}),
    ('verify', {}, {ADMIN}),
    ('verify', {'repair': True}, {ADMIN}),
    ('export', {'location': NOWHERE}, {ADMIN, MEMBER}),
    ('import', {**COPY, 'dry_run': True}, {ADMIN}),
    ('import', COPY, {ADMIN}),
    ('import', {'method': {'name': 'web-download', 'uri': NOWHERE}},
     {ADMIN, MEMBER}),
)


class ImagesTest(cases.HashCase):
    def test_every_call(self):
        asked = 0
        for state in cases.STATES:
            if not SOAK and state.name not in SHORT:
                continue
            image = state.make(self.glance)
            for caller in CALLERS:
                seen = self.get(f'/v2/images/{image}', user=caller).status
                for call, body, allowed in CALLS:
                    asked += 1
                    with self.subTest(state.name, caller=caller, call=call):
                        self.check(seen, caller in allowed,
                                   self.glance.request(
                                       'POST', f'/v2/images/{image}/{call}',
                                       body, user=caller).status)
        self.assertGreaterEqual(asked, 290)

    def check(self, seen, allowed, status):
        if seen != 200:
            self.assertIn(seen, (401, 404))
            self.assertEqual(seen, status)
        elif allowed:
            self.assertIn(status, (200, 201, 202, 400, 409, 410, 413))
        else:
            self.assertEqual(403, status)


class OwnTest(import_requests.RequestCase):
    """Imports, exports and actions of the member."""

    #: Who is answered what, by methods that read and by others; None: it is
    #: done, or cannot be any more. SYSTEM has the role of an administrator,
    #: who knows of all, and no project, for which alone the policies are.
    ANSWERS = ((NOBODY, 401, 401), (UNSCOPED, 404, 404), (SYSTEM, 403, 403),
               (OTHER, 404, 404), (READER, 200, 403), (MEMBER, 200, None),
               (ADMIN, 200, None))

    def test_every_call(self):
        image = self.glance.upload(b'x', MEMBER, visibility='private')
        export = self.expect(201, self.glance.request(
            'POST', f'/v2/images/{image}/export', {'location': NOWHERE},
            user=MEMBER)).headers['Location'].removeprefix(self.glance.url)
        waiting = self.begin()
        for path in (waiting, export, *(
                f'/v2/image-actions/{each.rpartition("/")[2]}'
                for each in (waiting, export))):
            for caller, reading, writing in self.ANSWERS:
                with self.subTest(path, caller=caller):
                    self.assertEqual(reading, self.get(
                        path, user=caller).status)
                    self.check(writing, self.glance.request(
                        'DELETE', path, user=caller).status)
        for caller, _, writing in self.ANSWERS:
            with self.subTest('upload', caller=caller):
                self.check(writing, self.upload(
                    waiting, b'x', user=caller).status)

    def check(self, wanted, status):
        if wanted is None:
            self.assertIn(status, (204, 409))
        else:
            self.assertEqual(wanted, status)

    def test_every_list(self):
        mine = self.begin()
        for name in ('image-imports', 'image-exports', 'image-actions'):
            for caller in CALLERS:
                answer = self.get(f'/v2/{name}', user=caller)
                with self.subTest(name, caller=caller):
                    if caller in (READER, MEMBER, ADMIN):
                        self.assertEqual(200, answer.status)
                        self.assertEqual(
                            name != 'image-exports',
                            mine.rpartition('/')[2] in answer.text)
                    else:
                        self.assertNotIn(mine.rpartition('/')[2], answer.text)
                        self.assertIn(answer.status, (200, 401, 403))
