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

"""Version 1 of the Image API over Glance's v2.

``v1_answers.json`` is what a Glance that was made for v1 (15.0.2) answered to
the steps of ``tests.harness.v1_script``; ``tests/services`` asks it again.
"""

import hashlib
import json
import os
from pathlib import Path
import subprocess
import tempfile
import unittest

from tests.harness import compat
from tests.harness import v1_script
from tests.harness import v1_steps
from tests.harness import venvs
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER
from tests.harness.users import OTHER

ANSWERS = Path(__file__).with_name('v1_answers.json')
PAGE = venvs.ROOT / 'doc' / 'source' / 'admin' / 'image-api-v1.rst'

# The steps that v2 cannot answer as v1 did, under the words of the page that
# says so.
DIFFERENCES = {
    'An image of no bytes has formats and a checksum': {
        'creations: size 0',
        'creations: size 0 with formats',
        'shows: HEAD c-zero by carol',
        'shows: HEAD c-zero-raw by carol',
        'shows: GET c-zero by carol',
        'shows: GET c-zero-raw by carol',
    },
    'A location has a checksum': {
        'changes: location',
        'creations: its data',
        'creations: location',
    },
    'The size is not known before the data': {
        'creations: copy from',
        'creations: size without data',
    },
    'A filter by size leaves out what has none': {'lists: size_max=7'},
    'A property has a value': {'creations: properties'},
    'Nobody is anonymous': {
        'creations: without a token',
        'deletions: without a token',
        'shows: HEAD without a token',
        'shows: GET without a token',
    },
    'Memberships are for their project to see': {"members: another's shares"},
    '``Allow`` names what is answered': {
        'members: one alone',
        f'others: HEAD /images/{v1_steps.ident("a1")}/members/x',
        f'others: POST /images/{v1_steps.ident("a1")}/members/x',
    },
    'A member cannot delete': {'members: deletion by a member'},
}
VIRTUAL_SIZE = 'The virtual size is known'
KNOWN = set().union(*DIFFERENCES.values())


def sizeless(value):
    """Return an answer without the virtual sizes in it."""
    if isinstance(value, list):
        return [sizeless(each) for each in value]
    if isinstance(value, dict):
        return {
            name: sizeless(each)
            for name, each in value.items()
            if name not in ('virtual_size', 'x-image-meta-virtual_size')
        }
    return value


class RecordedTest(unittest.TestCase):
    maxDiff = None

    def test_the_answers_are_those_of_a_server_of_v1(self):
        recorded = json.loads(ANSWERS.read_text())
        same = []
        # Lists show what is there, so that it must be a fresh one.
        with compat.FarAway() as web, compat.fresh() as glance:
            for step in v1_script.steps():
                found = v1_steps.normal(step.run(glance, web.url))
                expected = recorded.pop(step.key)
                same.append(expected == found)
                if step.key not in KNOWN:
                    with self.subTest(step.key):
                        self.assertEqual(sizeless(expected), sizeless(found))
        self.assertEqual({}, recorded)
        print(f'{sum(same)} of {len(same)} answers are the same')
        self.assertGreater(sum(same), 200)

    def test_every_difference_is_on_the_page(self):
        headings = PAGE.read_text()
        for heading in [VIRTUAL_SIZE, *DIFFERENCES]:
            with self.subTest(heading):
                self.assertIn(f'\n{heading}\n---', headings)


class V1Case(unittest.TestCase):
    def setUp(self):
        self.glance = compat.shared()

    def post(self, body=None, user=MEMBER, **headers):
        sent = {
            f'x-image-meta-{name}': value for name, value in headers.items()
        }
        return self.glance.request(
            'POST',
            '/v1/images',
            body=body,
            headers=v1_steps.OCTETS | sent,
            user=user,
        )


class BodyTest(V1Case):
    """What the data must be."""

    def test_a_chunked_body(self):
        chunks = [b'a' * 70000, b'b', b'c' * 200000]
        answer = self.post(iter(chunks), **v1_script.RAW)
        self.assertEqual(201, answer.status, answer.text)
        image = answer.json['image']
        digest = hashlib.md5(b''.join(chunks)).hexdigest()
        self.assertEqual((digest, 270001), (image['checksum'], image['size']))
        answer = self.glance.request('GET', f'/v1/images/{image["id"]}')
        self.assertEqual(b''.join(chunks), answer.body)

    def test_data_that_was_not_announced_never_becomes_an_image(self):
        before = self.glance.request('GET', '/v2/images').json['images']
        for chunked in (False, True):
            for announced in ({'checksum': '0' * 32}, {'size': '5'}):
                body = iter([b'data']) if chunked else b'data'
                answer = self.post(body, **v1_script.RAW, **announced)
                self.assertEqual(400, answer.status, answer.text)
        after = self.glance.request('GET', '/v2/images').json['images']
        self.assertEqual(before, after)

    def test_data_that_was_not_announced_leaves_no_file(self):
        image = v1_steps.ident('nothing left')
        answer = self.post(
            b'data', **v1_script.RAW, id=image, checksum='0' * 32
        )
        self.assertEqual(400, answer.status)
        for store in ('fast', 'slow'):
            self.assertFalse(self.glance.store_file(store, image).exists())

    def test_the_store_is_the_callers_choice(self):
        answer = self.post(b'data', **v1_script.RAW, store='slow')
        image = self.glance.image(answer.json['image']['id'])
        self.assertEqual('slow', image['stores'])


class HostileTest(V1Case):
    """Names and values that v2 takes and no header can carry."""

    def test_a_property_adds_no_header(self):
        image = self.glance.create(MEMBER, **{
            'x\r\nX-Evil': 'a',
            'evil': 'a\r\nX-Evil: 1',
            'naïve': 'ä',
            'percent': '%0d%0aX-Evil: 1',
            'MixedCase': 'Ω',
        })['id']
        answer = self.glance.request('HEAD', f'/v1/images/{image}')
        self.assertEqual(200, answer.status)
        self.assertNotIn('X-Evil', answer.headers)
        found = {
            name.lower(): value
            for name, value in answer.headers.items()
            if name.lower().startswith('x-image-meta-property-')
        }
        prefix = 'x-image-meta-property-'
        self.assertEqual(
            {prefix + 'evil', prefix + 'percent', prefix + 'mixedcase'},
            set(found),
        )
        self.assertEqual('%0d%0aX-Evil: 1', found[prefix + 'percent'])

    def test_a_name_that_is_no_id_leads_nowhere(self):
        for name in ('%2e%2e', '..%2f..', 'a%20b', '%00', '%0d%0a', '?'):
            for method in ('GET', 'HEAD', 'DELETE', 'PUT'):
                with self.subTest(name, method=method):
                    answer = self.glance.request(
                        method, f'/v1/images/{name}', user=MEMBER
                    )
                    self.assertIn(answer.status, (400, 404, 405))

    def test_nothing_that_a_client_can_send_is_an_error_of_the_server(self):
        image = self.glance.upload(b'x', MEMBER, visibility='private')
        here = f'/v1/images/{image}'
        odd = [
            ('GET', f'/v1/images?{query}', {}, None)
            for query in (
                'limit=9' + '9' * 30, 'size_min=9' + '9' * 30, 'name=%ff',
                'changes-since=0001-01-01T00:00:00%2B23:59', 'name=%00',
                'property-%00=x', 'disk_format=a:%22', 'min_disk=x',
                'property-a%0d%0ab=x', 'property-' + 'x' * 300 + '=y',
            )
        ] + [
            (method, path, {f'x-image-meta-{name}': value}, None)
            for method, path in (('POST', '/v1/images'), ('PUT', here))
            for name, value in (
                ('min_ram', '9' * 30), ('name', '\xff'), ('property-', 'x'),
                ('location', 'http://[::1'), ('location', ''), ('store', ''),
                ('property-os_glance_x', 'x'), ('property-location', 'x'),
                ('virtual_size', 'x'), ('property-' + 'a' * 300, 'x'),
            )
        ] + [
            ('PUT', f'{here}/members', {}, body)
            for body in (
                b'', b'{', b'[]', b'null', b'\xff', b'{"memberships": null}',
                b'{"memberships": [{"member_id": null}]}',
            )
        ] + [
            ('PUT', f'{here}/members/%ff', {}, None),
            ('GET', '/v1/shared-images/%ff', {}, None),
            ('GET', '/v1/images/%ff', {}, None),
        ]  # fmt: skip
        for method, path, headers, body in odd:
            with self.subTest(path, method=method, headers=headers):
                answer = self.glance.request(
                    method, path, body=body, headers=headers, user=MEMBER
                )
                self.assertLess(answer.status, 500, answer.text)

    def test_no_filter_of_a_property_makes_glance_fail(self):
        for name in ('save', 'properties', 'x_min', 'limit', 'tags', 'id'):
            answer = self.glance.request(
                'GET', f'/v1/images?property-{name}=nobody', user=MEMBER
            )
            self.assertEqual(([], 200), (answer.json['images'],
                                         answer.status))


class RightsTest(V1Case):
    """The rights are those of v2, for the caller of v1."""

    def test_a_reader_makes_nothing(self):
        reader = v1_script.User('reader', 'readers', ('reader',))
        self.assertEqual(403, self.post(b'x', reader, **v1_script.RAW).status)

    def test_an_administrator_lists_as_a_user_unless_asked_otherwise(self):
        image = self.glance.upload(b'x', MEMBER, visibility='private')
        for query, seen in (('', False), ('&is_public=None', True)):
            answer = self.glance.request(
                'GET', f'/v1/images/detail?limit=1000{query}', user=ADMIN
            )
            ids = [found['id'] for found in answer.json['images']]
            self.assertEqual(seen, image in ids)

    def test_a_write_unshares_nothing(self):
        for visibility in ('shared', 'community'):
            image = self.glance.upload(b'x', MEMBER, visibility=visibility)
            answer = self.glance.request(
                'PUT',
                f'/v1/images/{image}',
                headers={'x-image-meta-is_public': 'False'},
                user=MEMBER,
            )
            self.assertEqual(200, answer.status)
            found = self.glance.image(image)['visibility']
            self.assertEqual(visibility, found)

    def test_another_sees_nothing_of_a_private_image(self):
        image = self.glance.upload(b'x', MEMBER, visibility='private')
        for method, path in (
            ('HEAD', ''), ('GET', ''), ('PUT', ''), ('DELETE', ''),
            ('GET', '/members'), ('PUT', '/members/x'),
            ('DELETE', '/members/x'),
        ):
            answer = self.glance.request(
                method, f'/v1/images/{image}{path}', user=OTHER
            )
            self.assertEqual(404, answer.status, (method, path))

    def test_it_says_that_it_is_deprecated(self):
        answer = self.glance.request('GET', '/v1/images', user=MEMBER)
        self.assertRegex(answer.headers['Deprecation'], '^@[0-9]+$')


class ClientsTest(V1Case):
    """The clients of v1 that are still delivered."""

    def setUp(self):
        super().setUp()
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        self.environment = {
            'PATH': os.environ['PATH'],
            'HOME': home.name,
            'PYTHONWARNINGS': 'ignore',
        }

    def run_client(self, *command, stdin=None):
        # The client of v1 uploads whatever its standard input is, unless it
        # is closed.
        closed = ('sh', '-c', 'exec "$0" "$@" <&-') if stdin is None else ()
        done = subprocess.run(
            [*closed, *command],
            input=stdin,
            capture_output=True,
            env=self.environment,
        )
        self.assertEqual(0, done.returncode, done.stderr.decode())
        return done.stdout

    def client(self, *arguments, stdin=None):
        return self.run_client(
            str(self.glance.venv / 'bin' / 'glance'),
            '--os-image-api-version', '1',
            '--os-image-url', self.glance.url,
            '--os-auth-token', MEMBER.token,
            *arguments,
            stdin=stdin,
        )  # fmt: skip

    def table(self, output):
        rows = [
            [cell.strip() for cell in line.split('|')[1:-1]]
            for line in output.decode().splitlines()
            if line.startswith('|')
        ]
        return {row[0]: row[1] for row in rows}

    def test_glance_of_version_1(self):
        made = self.table(self.client(
            'image-create', '--name', 'von der Küste',
            '--disk-format', 'raw', '--container-format', 'bare',
            '--property', 'licence=gpl v2: 100%', stdin=b'some data'))
        image = made['id']
        self.assertEqual('9', made['size'])
        self.assertEqual('gpl v2: 100%', made["Property 'licence'"])
        found = self.glance.image(image)
        self.assertEqual(('von der Küste', 'gpl v2: 100%'),
                         (found['name'], found['licence']))
        self.client('image-update', '--property', 'a=b', '--purge-props',
                    '--min-ram', '64', image)
        shown = self.table(self.client('image-show', image))
        self.assertEqual(('64', 'b'),
                         (shown['min_ram'], shown["Property 'a'"]))
        self.assertNotIn("Property 'licence'", shown)
        self.assertEqual(b'some data', self.client('image-download', image))
        self.client('member-create', image, OTHER.project)
        listed = self.client('member-list', '--image-id', image).decode()
        self.assertIn(OTHER.project, listed)
        self.assertEqual(b'some data', self.glance.download(image, OTHER))
        self.client('member-delete', image, OTHER.project)
        self.assertIn(image, self.client('image-list').decode())
        self.client('image-delete', image)
        self.assertNotIn(image, self.client('image-list').decode())

    def test_openstack_of_version_1(self):
        # The command cannot sort images without a name.
        user = v1_script.User('openstack', 'openstacks', v1_script.ROLES)
        image = self.glance.upload(b'x', user, name='seen')
        listed = self.run_client(
            str(venvs.ensure('client') / 'bin' / 'openstack'),
            '--os-image-api-version', '1',
            '--os-auth-type', 'admin_token',
            '--os-endpoint', f'{self.glance.url}/v1',
            '--os-token', user.token,
            'image', 'list', '-f', 'json',
        )  # fmt: skip
        names = {row['ID']: row['Name'] for row in json.loads(listed)}
        self.assertEqual('seen', names.get(image))
