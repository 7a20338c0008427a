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
"""``swift://``: the token goes to the caller's object store and no further."""

import json
from urllib import parse

from tests.functional import disks
from tests.functional import import_requests
from tests.harness.backends import http_raw
from tests.harness.users import MEMBER


class SwiftTest(import_requests.RequestCase):

    def setUp(self):
        super().setUp()
        self.reply = http_raw.answer(200, disks.qcow2())
        self.store = self.enterContext(http_raw.Server(
            lambda headers, body: self.reply))
        self.host = parse.urlsplit(self.store.url).netloc

    def path(self, host=None, endpoint=None):
        """Begin an import with a catalogue; return its path."""
        catalog = [{'type': 'image', 'endpoints': [
            {'publicURL': self.server.url}]}, {
            'type': 'object-store', 'endpoints': [{
                'publicURL': endpoint or f'{self.store.url}/v1/AUTH_x'}]}]
        return self.begin(
            f'swift://{host or self.host}/AUTH_x/private/some/object',
            headers={'X-Service-Catalog': json.dumps(catalog)})

    def asked(self):
        """Return the paths that another server was asked for."""
        return [asked.path for asked in self.server.requests]

    def test_an_object_of_the_catalogue_is_read_with_the_token(self):
        self.assertEqual('success', self.wait(self.path())['status'])
        self.assertEqual({MEMBER.token}, {
            asked.get('x-auth-token') for asked in self.store.requests})
        self.assertNotIn(MEMBER.token, str(self.glance.sql(
            'select input, result, message from task_info')))
        self.assertNotIn(MEMBER.token, self.glance.log())

    def test_any_other_host_fails_and_sees_no_token(self):
        other = parse.urlsplit(self.server.url).netloc
        for host in (other, 'cloud.foo', '127.0.0.1'):
            self.assertEqual(
                f'Could not retrieve image.  The host {host} is no object '
                'store of the catalogue that came with the request.',
                self.refused(self.path(host)))
        self.assertEqual([], [path for path in self.asked()
                              if 'AUTH_x' in path])

    def test_what_swift_refuses(self):
        url = f'swift://{self.host}/AUTH_x/private/some/object'
        for status, message in (
            (404, f"Received 404 response for url '{url}'."),
            (403, f"Received 403 response for url '{url}'."),
            (401, 'The object store does not accept the token of the '
                  'request; it may have expired.'),
        ):
            self.reply = http_raw.answer(status)
            self.assertEqual(f'Could not retrieve image.  {message}',
                             self.refused(self.path()))

    def test_a_redirect_elsewhere_is_not_followed(self):
        self.reply = http_raw.answer(302, location=self.serve(b'x'))
        self.assertRegex(self.refused(self.path()), 'redirect is refused')
        self.assertNotIn(f'/{self.id()}', self.asked())
