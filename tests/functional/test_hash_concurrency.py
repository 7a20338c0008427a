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
"""What others do to an image while its hash is calculated, and after."""

import functools
import http.server
import threading
import time
import unittest

from tests.functional import hash_life
from tests.functional.hash_life import DATA
from tests.functional.hash_life import NOTHING
from tests.functional.hash_life import QUICK
from tests.functional.hash_life import SIZE
from tests.functional.hash_life import begin
from tests.functional.hash_life import digests
from tests.functional.hash_life import fields
from tests.functional.hash_life import until
from tests.harness import glance
from tests.harness import users

LOCATIONS = {
    'config': {
        **QUICK,
        'DEFAULT': {'http_retries': 1, 'show_multiple_locations': True},
    },
    'stores': ('fast', 'slow', 'web:http'),
}
MIB = 1 << 20


def patch(on, image, *changes):
    """Change an image as a client does; return the answer."""
    kind = 'application/openstack-images-v2.1-json-patch'
    names = ('op', 'path', 'value')
    body = [dict(zip(names, change, strict=False)) for change in changes]
    return on.request(
        'PATCH', f'/v2/images/{image}', body, headers={'Content-Type': kind})


def published(case):
    """Return the URL under which DATA lies until the test is over."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200)
            self.send_header('Content-Length', str(len(DATA)))
            self.end_headers()

        def do_GET(self):
            self.do_HEAD()
            self.wfile.write(DATA)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    case.addCleanup(server.server_close)
    case.addCleanup(server.shutdown)
    return f'http://127.0.0.1:{server.server_port}/data'


class MeanwhileTest(hash_life.LifeCase):
    """The image stays active and usable; nothing others write is lost."""

    def act(self, image, what):
        path = f'/v2/images/{image}/actions/{what}'
        self.assertEqual(204, self.glance.request('POST', path).status)

    def test_patches_survive(self):
        image = self.glance.legacy(DATA, tags=['old'], colour='red')
        action, fault = self.stall(image)
        changes = {
            'name': 'renamed', 'visibility': 'public', 'os_hidden': True,
            'tags': ['new', 'newer'], 'min_disk': 7, 'shape': 'round',
        }
        answer = patch(self.glance, image, ('remove', '/colour'), *(
            ('add', f'/{name}', value) for name, value in changes.items()))
        self.assertEqual(200, answer.status, answer.text)
        self.assertHashed(self.go_on(action, fault), image)
        found = self.glance.image(image)
        self.assertEqual(
            {**changes, 'tags': {*changes['tags']}},
            {**{name: found[name] for name in changes},
             'tags': {*found['tags']}})
        self.assertNotIn('colour', found)

    def test_image_is_downloaded_and_shared(self):
        image = self.glance.legacy(DATA)
        action, fault = self.stall(image)
        hold = self.glance.fault('stall', image=image, at=SIZE, times=1)
        self.glance.clear_faults(fault)
        until(lambda: self.glance.fired(hold))
        self.assertEqual(DATA, self.glance.download(image))
        answer = self.glance.request(
            'POST', f'/v2/images/{image}/members',
            {'member': users.OTHER.project})
        self.assertEqual(200, answer.status)
        self.assertHashed(self.go_on(action, hold), image)
        members = f'/v2/images/{image}/members'
        (member,) = self.glance.request('GET', members).json['members']
        self.assertEqual(users.OTHER.project, member['member_id'])

    def test_second_hash_and_a_copy_are_409_until_it_ends(self):
        image = self.glance.legacy(DATA)
        action, fault = self.stall(image)
        copy = functools.partial(
            self.glance.request, 'POST', f'/v2/images/{image}/import',
            {'method': {'name': 'copy-image'}, 'stores': ['slow']})
        again = functools.partial(
            self.glance.request, 'POST', f'/v2/images/{image}/hash', {})
        self.assertEqual(409, again().status)
        self.assertEqual(409, copy().status)
        self.assertHashed(self.go_on(action, fault), image)
        self.assertEqual(409, again().status)
        self.assertEqual(202, copy().status)
        until(lambda: not hash_life.locks(self.glance, image))
        # Glance compared the copy with the hash that we recorded.
        self.assertEqual('fast,slow', self.glance.image(image)['stores'])
        self.assertEqual(digests(), fields(self.glance, image))

    def test_hash_is_409_while_a_copy_runs(self):
        image = self.glance.legacy(DATA)
        fault = self.glance.fault('stall', image=image)
        answer = self.glance.request(
            'POST', f'/v2/images/{image}/import',
            {'method': {'name': 'copy-image'}, 'stores': ['slow']})
        self.assertEqual(202, answer.status)
        until(lambda: self.glance.fired(fault))
        path = f'/v2/images/{image}/hash'
        self.assertEqual(409, self.glance.request('POST', path, {}).status)
        self.glance.clear_faults(fault)
        until(lambda: not hash_life.locks(self.glance, image))

    def test_deactivation_ends_the_action_and_stays(self):
        image = self.glance.legacy(DATA)
        action, fault = self.stall(image)
        self.act(image, 'deactivate')
        action = self.go_on(action, fault)
        self.assertFailed(action, 'image_not_active')
        self.assertEqual(
            'deactivated', self.glance.image(image)['status'])
        self.assertEqual(NOTHING, fields(self.glance, image))
        self.act(image, 'reactivate')
        self.assertHashed(self.hash(image), image)

    def test_deactivation_that_is_over_before_anybody_looked(self):
        image = self.glance.legacy(DATA)
        action, fault = self.stall(image)
        begun = self.glance.action(action)['updated_at']
        # Right after one look at the image it is long until the next.
        until(lambda: self.glance.action(action)['updated_at'] != begun)
        self.act(image, 'deactivate')
        self.act(image, 'reactivate')
        self.assertHashed(self.go_on(action, fault), image)

    def test_os_hash_algo_is_set_before_the_calculation(self):
        image = self.glance.legacy(DATA)
        action, fault = self.stall(image, at=0, os_hash_algo='sha256')
        found = self.glance.image(image)
        self.assertEqual('sha256', found['os_hash_algo'])
        self.assertIsNone(found['os_hash_value'])
        self.assertIsNone(found['checksum'])
        action = self.go_on(action, fault)
        self.assertHashed(action, image, algorithm='sha256')

    def test_rehash_touches_nothing_before_the_end(self):
        image = self.glance.upload(DATA)
        action, fault = self.stall(
            image, rehash=True, os_hash_algo='sha256')
        self.assertEqual('reading', self.glance.action(action)['phase'])
        self.assertEqual(digests(), fields(self.glance, image))
        action = self.go_on(action, fault)
        self.assertHashed(action, image, algorithm='sha256')

    def test_task_tells_how_far_it_is(self):
        data = DATA[:MIB // 4] * 24
        image = self.glance.legacy(data)
        self.glance.fault(
            'slow', image=image, bytes_per_second=len(data) // 5)
        action = begin(self.glance, image)
        messages, shown = [], []
        while (now := self.glance.action(action))['status'] in (
                'pending', 'processing'):
            shown.append(now)
            (task,) = self.glance.tasks(image)
            if task['message'] not in messages:
                messages.append(task['message'])
            time.sleep(0.1)
        reading = [said for said in messages if said.startswith('Reading: ')]
        self.assertGreaterEqual(len(reading), 2, messages)
        for said in reading:
            self.assertRegex(
                said, r'^Reading: \d of 6 MiB, attempt 1 of 1$')
        self.assertEqual(sorted(reading), reading)
        told = [each['progress'] for each in shown
                if each['progress']['bytes_done']]
        self.assertEqual({len(data)}, {each['bytes_total'] for each in told})
        self.assertTrue(all(each['bytes_per_second'] for each in told))
        self.assertTrue({each['percent'] for each in told} & {*range(1, 100)})
        self.assertGreaterEqual(told[0]['eta_seconds'], 0)
        self.assertHashed(now, image, data)
        (task,) = self.glance.tasks(image)
        self.assertEqual('success', task['status'])
        self.assertEqual(
            f'Calculated the sha512 of {len(data)} bytes', task['message'])


class LocationsTest(hash_life.LifeCase):
    """Copies that come and go meanwhile."""

    arguments = LOCATIONS

    def drop(self, store, image):
        path = f'/v2/stores/{store}/{image}'
        self.assertEqual(204, self.glance.request('DELETE', path).status)

    def stores(self, image):
        return set(self.glance.image(image)['stores'].split(','))

    def test_added_location_survives(self):
        image = self.glance.legacy(DATA)
        action, fault = self.stall(image)
        url = published(self)
        answer = patch(
            self.glance, image,
            ('add', '/locations/-', {'url': url, 'metadata': {}}))
        self.assertEqual(200, answer.status, answer.text)
        self.assertHashed(self.go_on(action, fault), image)
        found = self.glance.image(image)['locations']
        self.assertIn(url, [location['url'] for location in found])
        self.assertEqual({'fast', 'web'}, self.stores(image))

    def test_removed_location_stays_away(self):
        image = self.glance.legacy(DATA, stores=('fast', 'slow'))
        action, fault = self.stall(image)
        self.drop('slow', image)
        action = self.go_on(action, fault)
        self.assertHashed(action, image)
        self.assertEqual(1, action['attempt'])
        self.assertEqual({'fast'}, self.stores(image))

    def test_hash_of_a_copy_that_was_removed_is_not_recorded(self):
        image = self.glance.legacy(DATA, stores=('fast', 'slow'))
        # What is left is other data than what was being read.
        other = DATA[::-1]
        self.glance.store_file('slow', image).write_bytes(other)
        action, fault = self.stall(image)
        self.drop('fast', image)
        action = self.go_on(action, fault)
        self.assertHashed(action, image, other)
        self.assertEqual(2, action['attempt'])
        self.assertEqual({'slow'}, self.stores(image))

    def test_image_without_a_hash_in_an_http_store(self):
        image = self.glance.create()['id']
        answer = patch(
            self.glance, image,
            ('add', '/locations/-', {'url': published(self),
                                     'metadata': {}}))
        self.assertEqual(200, answer.status, answer.text)
        self.assertEqual(NOTHING, fields(self.glance, image))
        self.assertHashed(self.hash(image), image)


class StaleSaveTest(unittest.TestCase):
    """A save of the whole image, read before our write, is repaired.

    Nothing else is: what another one wrote on purpose stays.
    """

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.glance = on = glance.shared(**LOCATIONS)
        md5 = digests()[0]
        half = (None, 'sha512', None)
        other = ('0' * 32, 'sha1', '0' * 40)
        before, images = {
            'bare': half,
            'checksum': (md5, None, None),
            'rehashed': digests(DATA, 'sha512'),
            'failed': half,
            'running': half,
            'replaced': NOTHING,
            'other hash': other,
            'other checksum': ('0' * 32, None, None),
        }, {}
        for name in before:
            if name == 'rehashed':
                images[name] = on.upload(DATA)
            elif name == 'replaced':
                images[name] = on.legacy(DATA, stores=('fast', 'slow'))
            elif name == 'checksum':
                images[name] = on.legacy(DATA, name)
            else:
                images[name] = on.legacy(DATA)
        for name in ('failed', 'running'):
            on.fault('raise', image=images[name], times=2)
        actions = [
            begin(on, image, os_hash_algo='sha256', rehash=True)
            for image in images.values()
        ]
        for action in actions:
            on.wait_action(action)
        drop = f'/v2/stores/fast/{images["replaced"]}'
        on.request('DELETE', drop)
        cls.addClassCleanup(on.clear_faults)
        on.fault('stall', image=images['running'])
        begin(on, images['running'])

        def save(name):
            on.sql(
                'update images set checksum = ?, os_hash_algo = ?, '
                'os_hash_value = ? where id = ?',
                (*before[name], images[name]))

        for name in before:
            save(name)
        begun = time.monotonic()
        hashed = digests(DATA, 'sha256')
        until(lambda: fields(on, images['bare']) == hashed)
        # Once more, so that every image has been looked at meanwhile.
        save('bare')
        until(lambda: fields(on, images['bare']) == hashed)
        cls.seconds = time.monotonic() - begun
        cls.found = {name: fields(on, images[name]) for name in images}
        cls.images, cls.before = images, before

    def test_hash_is_back_within_the_heartbeat_timeout(self):
        self.assertLess(self.seconds, 10)
        for name in ('bare', 'checksum', 'rehashed'):
            with self.subTest(name):
                self.assertEqual(
                    digests(DATA, 'sha256'), self.found[name])

    def test_half_state_that_comes_back_after_a_failure_is_cleared(self):
        self.assertEqual(NOTHING, self.found['failed'])

    def test_half_state_of_a_running_action_is_left_alone(self):
        self.assertEqual(self.before['running'], self.found['running'])

    def test_hash_of_replaced_data_is_not_written(self):
        self.assertEqual(NOTHING, self.found['replaced'])

    def test_what_others_recorded_stays(self):
        for name in ('other hash', 'other checksum'):
            with self.subTest(name):
                self.assertEqual(self.before[name], self.found[name])

    def test_repair_is_told_in_the_log(self):
        self.assertIn(
            f'The hash of image {self.images["bare"]}, which a concurrent '
            f'save of the image had undone, is back', self.glance.log())
