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
"""What Glance's policies forbid, no call of ours has as its effect.

Every rule is denied in turn. A call of ours is refused where one of Glance's
own calls with the same effect is, on a Glance without the extension.
"""

import json
import tempfile

from glance import policies

from tests.functional import import_requests
from tests.functional.cases import until
from tests.harness import compat
from tests.harness import glance
from tests.harness import v1_script
from tests.harness import v1_steps
from tests.harness.backends import http
from tests.harness.soaking import SOAK
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER

#: Every rule of Glance, as it is unless a file says otherwise.
DEFAULTS = {rule.name: rule.check_str for rule in policies.list_rules()}
#: Those that matter here; the long form denies each of the others as well.
RULES = (
    'add_image', 'get_image', 'modify_image', 'delete_image', 'upload_image',
    'download_image', 'copy_image', 'publicize_image', 'add_image_location',
)
MORE = sorted(DEFAULTS.keys() - RULES - {
    'default', 'context_is_admin'}) if SOAK else []
RAW = {'disk_format': 'raw', 'container_format': 'bare'}
OCTETS = {'Content-Type': 'application/octet-stream'}
PATCH = {'Content-Type': 'application/openstack-images-v2.1-json-patch'}
STEP = [{'op': 'add', 'path': '/a', 'value': 'b'}]
NOWHERE = 'http://127.0.0.1:1/x'
DOWNLOAD = {'method': {'name': 'web-download', 'uri': NOWHERE}}
COPY = {'method': {'name': 'copy-image'}, 'stores': ['slow']}
IMAGES, IMPORTS, COMPUTE = '/v2/images', '/v2/image-imports', '/compute/v2.1'


def step(method, path, body=b'', user=MEMBER, **headers):
    """Return a request; ``{}`` in its path is what was made for the call."""
    return method, path, body, user, headers


SHOW = step('GET', IMAGES + '/{}')
DELETE = step('DELETE', IMAGES + '/{}')
CHANGE = step('PATCH', IMAGES + '/{}', STEP, **PATCH)
READ = step('GET', IMAGES + '/{}/file')
CREATE = step('POST', IMAGES, RAW)
UPLOAD = step('PUT', IMAGES + '/{}/file', b'x', **OCTETS)
FETCH = step('POST', IMAGES + '/{}/import', DOWNLOAD)

#: A call of ours; what is made for it: an image without data or with, or an
#: import that waits; and the calls of Glance with the same effect, and what
#: is made for these. Only what is "active" serves more than once.
TABLE = {
    'an import from a location': (
        step('POST', IMPORTS, {'location': NOWHERE, 'image_properties': RAW}),
        None, (CREATE, UPLOAD, FETCH), 'queued'),
    'an import that waits': (
        step('POST', IMPORTS, {'image_properties': RAW}), None,
        (CREATE, UPLOAD), 'queued'),
    'its upload': (
        step('PUT', IMPORTS + '/{}/file', b'x', **OCTETS), 'waiting',
        (UPLOAD,), 'queued'),
    'an import that is public': (
        step('POST', IMPORTS, {'image_properties': {
            'visibility': 'public'}}, ADMIN), None,
        (step('POST', IMAGES, {**RAW, 'visibility': 'public'}, ADMIN),
         UPLOAD), 'queued'),
    'an import for the community': (
        step('POST', IMPORTS, {'image_properties': {
            'visibility': 'community'}}), None,
        (step('POST', IMAGES, {**RAW, 'visibility': 'community'}), UPLOAD),
        'queued'),
    'an export': (
        step('POST', IMAGES + '/{}/export', {'location': NOWHERE}), 'active',
        (READ,), 'active'),
    'a web-download': (FETCH, 'queued', (FETCH,), 'queued'),
    'a copy': (
        step('POST', IMAGES + '/{}/import', COPY, ADMIN), 'copied',
        (step('POST', IMAGES + '/{}/import', COPY, ADMIN),), 'copied'),
    'v1: data': (
        step('POST', '/v1/images', b'x', **v1_steps.OCTETS, **{
            f'x-image-meta-{name}': value
            for name, value in v1_script.RAW.items()}), None,
        (CREATE, UPLOAD, SHOW), 'queued'),
    'v1: a copy from elsewhere': (
        step('POST', '/v1/images', **{
            'x-glance-api-copy-from': NOWHERE, **{
                f'x-image-meta-{name}': value
                for name, value in v1_script.RAW.items()}}), None,
        (CREATE, FETCH, SHOW), 'queued'),
    'v1: a location': (
        step('PUT', '/v1/images/{}', **{
            'x-image-meta-location': 'FAR/x'}), 'queued',
        (SHOW, step('POST', IMAGES + '/{}/locations', {
            'url': 'FAR/x', 'validation_data': {}})),
        'queued'),
    'v1: read': (step('GET', '/v1/images/{}'), 'active', (SHOW, READ),
                 'active'),
    'v1: list': (step('GET', '/v1/images'), None,
                 (step('GET', IMAGES),), None),
    'v1: change': (
        step('PUT', '/v1/images/{}', **{'x-image-meta-property-a': 'b'}),
        'queued', (SHOW, CHANGE), 'queued'),
    'v1: publish': (
        step('PUT', '/v1/images/{}', user=ADMIN,
             **{'x-image-meta-is_public': 'true'}), 'public',
        (SHOW, step('PATCH', IMAGES + '/{}', [
            {'op': 'replace', 'path': '/visibility', 'value': 'public'}],
            ADMIN, **PATCH)), 'public'),
    'v1: share': (
        step('PUT', '/v1/images/{}/members/x'), 'shared',
        (SHOW, step('POST', IMAGES + '/{}/members', {'member': 'x'})),
        'shared'),
    'v1: delete': (step('DELETE', '/v1/images/{}'), 'deleted', (DELETE,),
                   'deleted'),
    'compute: show': (step('GET', COMPUTE + '/images/{}'), 'active', (SHOW,),
                      'active'),
    'compute: metadata': (
        step('POST', COMPUTE + '/images/{}/metadata',
             {'metadata': {'a': 'b'}}), 'queued', (SHOW, CHANGE), 'queued'),
    'compute: delete': (step('DELETE', COMPUTE + '/images/{}'), 'deleted',
                        (DELETE,), 'deleted'),
}


class TableTest(import_requests.RequestCase):
    @classmethod
    def setUpClass(cls):
        cls.ours = cls.enterClassContext(compat.fresh())
        cls.bare = cls.enterClassContext(glance.Glance(
            stores=('fast', 'slow', 'web:http'), extension=False))
        cls.far = cls.enterClassContext(compat.FarAway())

    def setUp(self):
        self.glance, self.server, self.active = self.ours, http.shared(), {}
        self.addCleanup(self.deny, None)

    def deny(self, rule):
        for server in (self.ours, self.bare):
            path = server.directory / 'etc' / 'policy.yaml'
            path.write_text(json.dumps(
                DEFAULTS | ({rule: '!'} if rule else {})))

    def made(self, server, what):
        """Return the id of something of the member's project."""
        if what is None:
            return ''
        if what == 'queued':
            return server.create(MEMBER, visibility='private')['id']
        if what == 'waiting':
            answer = server.request('POST', IMPORTS, {}, user=MEMBER)
            return answer.headers['Location'].rpartition('/')[2]
        if what == 'active' and server in self.active:
            return self.active[server]
        image = server.upload(
            b'x', MEMBER, ['fast'],
            visibility='shared' if what == 'shared' else 'private')
        if what == 'active':
            self.active[server] = image
        return image

    def prepared(self):
        """Return what is asked of us, and the steps of Glance to ask."""
        ours, bare = [], {}
        for name, (call, for_call, calls, for_each) in TABLE.items():
            keys = [repr((each, for_each)) for each in calls]
            for key, each in zip(keys, calls, strict=True):
                if key not in bare:
                    bare[key] = each, self.made(self.bare, for_each)
            ours.append((name, call, self.made(self.ours, for_call), keys))
        return ours, bare

    def status(self, server, step, made):
        method, path, body, user, headers = step
        headers = {name: value.replace('FAR', self.far.url)
                   for name, value in headers.items()}
        if not isinstance(body, bytes):
            body = json.dumps(body).replace('FAR', self.far.url).encode()
        return server.request(method, path.format(made), None, body, headers,
                              user).status

    def test_what_glance_refuses_we_refuse(self):
        refusals = 0
        for rule in (None, *RULES, *MORE):
            self.deny(None)
            ours, bare = self.prepared()
            self.deny(rule)
            statuses = {key: self.status(self.bare, *each)
                        for key, each in bare.items()}
            for name, call, made, keys in ours:
                with self.subTest(name, rule=rule):
                    found = [statuses[key] for key in keys]
                    status = self.status(self.ours, call, made)
                    refused = any(each in (403, 404) for each in found)
                    refusals += refused
                    self.assertEqual(refused, status in (403, 404),
                                     (status, found))
        self.assertGreater(refusals, 25)

    def test_they_are_asked_again_when_the_image_is_made(self):
        for rule in ('add_image', 'upload_image', 'modify_image'):
            with self.subTest(rule):
                path = f'/{rule}'
                location = self.server.serve(path, b'x' * 200_000,
                                             stall_at=100_000)
                there = self.begin(location, image_properties=RAW)
                until(lambda: self.show(there)['status'] != 'waiting')
                self.deny(rule)
                self.server.release(path)
                self.assertIn('cannot be made', self.refused(there))
                self.deny(None)


class ImageTest(import_requests.RequestCase):
    """Whose the image is, and properties that some roles may set, or see."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rules = cls.enterClassContext(
            tempfile.NamedTemporaryFile('w', suffix='.conf'))
        for name, create, read in (('^set$', 'admin', '@'),
                                   ('^seen$', '@', 'admin'), ('.*', '@', '@')):
            rules.write(f'[{name}]\ncreate = {create}\nread = {read}\n'
                        f'update = @\ndelete = @\n')
        rules.flush()
        cls.arguments = {'config': {
            'DEFAULT': {'property_protection_file': rules.name}}}

    def test_who_may_set_them(self):
        for user, status in ((MEMBER, 403), (ADMIN, 201)):
            self.expect(status, self.ask(
                {'image_properties': {'set': 'x'}}, user))
            self.expect(status, self.glance.request(
                'POST', IMAGES, {'set': 'x'}, user=user))

    def test_who_sees_them(self):
        asked = {'seen': 'secret', 'other': 'x', 'tags': ['t'], **RAW}
        path = self.begin(image_properties=asked)
        hidden = {name: value for name, value in asked.items()
                  if name != 'seen'}
        for user, seen in ((MEMBER, hidden), (ADMIN, asked)):
            self.assertEqual(seen, self.show(path, user)['image_properties'])
            (listed,) = [each for each in self.expect(200, self.get(
                IMPORTS, user=user)).json['image_imports']
                if each['self'] == path]
            self.assertEqual(seen, listed['image_properties'])

    def test_whoever_uploads_it_is_of_the_project_that_asked(self):
        for user in (MEMBER, ADMIN):
            path = self.begin(image_properties={**RAW, 'visibility': 'shared'})
            self.expect(204, self.upload(path, b'x' * 1000, user=user))
            found = self.wait(path)
            image = self.expect(200, self.get(found['image_ref'],
                                              user=MEMBER)).json
            self.assertEqual(MEMBER.project, image['owner'])
