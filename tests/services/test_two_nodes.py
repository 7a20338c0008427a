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
"""Several clients at once, on two API processes and one MariaDB."""

from collections import Counter
import dataclasses
import hashlib
import os
import random
import threading
import time
import unittest

from tests.harness import mariadb
from tests.harness.glance import Glance
from tests.harness.soaking import SOAK

SECONDS = 60 if SOAK else 12
IMAGES = 50
CLIENTS = 4


@dataclasses.dataclass
class Subject:
    """An image, and what clients were told about it."""

    id: str
    data: bytes
    copies: bool
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    patched: int = 0
    deleted: bool = False


class Clients:
    """Clients that hash, patch, copy and delete at random for a while."""

    def __init__(self, glance, hashing, seed):
        self.glance = glance
        self.hashing = hashing
        self.seed = seed
        self.answers = Counter()
        self.actions = {}
        self.subjects = []
        for index in range(IMAGES):
            data = random.Random(f'{seed}{index}').randbytes(300_000)
            self.subjects.append(Subject(
                glance.legacy(data), data, copies=index % 2 == 0))

    def run(self):
        self.until = time.monotonic() + SECONDS
        threads = [threading.Thread(target=self._client, args=(index,))
                   for index in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _client(self, index):
        chance = random.Random(f'{self.seed}-{index}')
        verbs = ['patch'] * 5 + ['copy'] * 2 + ['hash'] * 6 * self.hashing
        while time.monotonic() < self.until:
            subject = chance.choice(self.subjects)
            if chance.random() < 0.01:
                self._delete(subject)
            else:
                getattr(self, f'_{chance.choice(verbs)}')(subject, chance)

    def _count(self, verb, answer):
        self.answers[verb, answer.status] += 1
        return answer.status

    def _hash(self, subject, chance):
        body = {'os_hash_algo': chance.choice(['sha512', 'sha256']),
                'rehash': chance.random() < 0.5}
        answer = self.glance.request(
            'POST', f'/v2/images/{subject.id}/hash', body)
        if self._count('hash', answer) == 202:
            self.actions[answer.json['id']] = subject
            self._count('show', self.glance.request(
                'GET', f'/v2/image-actions/{answer.json["id"]}'))

    def _patch(self, subject, chance):
        # One at a time for an image: two of Glance's own PATCHes undo each
        # other, with and without the extension.
        with subject.lock:
            wanted = subject.patched + 1
            answer = self.glance.request(
                'PATCH', f'/v2/images/{subject.id}',
                [{'op': 'add', 'path': '/counter', 'value': str(wanted)}],
                headers={'Content-Type':
                         'application/openstack-images-v2.1-json-patch'})
            if self._count('patch', answer) == 200:
                subject.patched = wanted

    def _copy(self, subject, chance):
        if subject.copies:
            self._count('copy', self.glance.request(
                'POST', f'/v2/images/{subject.id}/import',
                {'method': {'name': 'copy-image'},
                 'stores': [chance.choice(['slow', 'cold'])]}))

    def _delete(self, subject):
        answer = self.glance.request('DELETE', f'/v2/images/{subject.id}')
        # A DELETE of Glance's that fails on a deadlock has deleted the data.
        status = self._count('delete', answer)
        if status in (204, 404) or status >= 500:
            subject.deleted = True

    def lost_patches(self, copies):
        """Return how many images lost a PATCH that had been answered 200."""
        lost = 0
        for subject in self.subjects:
            if not subject.deleted and subject.copies == copies:
                found = self.glance.image(subject.id).get('counter', '0')
                lost += int(found) < subject.patched
        return lost

    def failed(self):
        """Return the answers of 500 and above, counted by verb."""
        return Counter({verb: count for (verb, status), count
                        in self.answers.items() if status >= 500})

    def say(self, title):
        told = ', '.join(f'{verb} {status}: {count}' for (verb, status),
                         count in sorted(self.answers.items()))
        print(f'\n{title}: {told}\n  500s: {dict(self.failed())}; images '
              f'that lost a PATCH: {self.lost_patches(False)} without and '
              f'{self.lost_patches(True)} with copies beside it')


def _unforeseen(log):
    """Return the lines of a log that tell of what nobody foresaw."""
    return '\n'.join(line for line in log.splitlines()
                     if ' ERROR glance.common.wsgi' in line)


class TestTwoNodes(unittest.TestCase):

    def _glance(self, extension):
        glance = Glance(server='uwsgi', processes=2, extension=extension,
                        database=mariadb.Database(),
                        config={'glance_ext': {'heartbeat_timeout': 10}})
        self.addCleanup(glance.stop)
        return glance.start()

    def test_no_write_is_lost_and_no_lock_left(self):
        seed = os.environ.get('SEED') or str(random.getrandbits(32))
        with self.subTest(seed=seed):
            clients = Clients(self._glance(True), True, seed)
            clients.run()
            self._wait_unlocked(clients.glance)
            for action in clients.actions:
                clients.glance.wait_action(action, timeout=60)
            # What a stale save undid is back within a sweep or two.
            self._wait_until(lambda: not self._wrong(clients), 10)
            clients.say('with the extension')
            failed = clients.failed()
            self.assertEqual((0, 0), (failed['hash'], failed['show']),
                             _unforeseen(clients.glance.log()))
            self.assertEqual(0, clients.lost_patches(copies=False))
            self.assertEqual([], self._wrong(clients))
            self.assertGreater(len(clients.actions), 10)
        plain = Clients(self._glance(False), False, seed)
        plain.run()
        plain.say('Glance alone')

    def _wait_unlocked(self, glance):
        self._wait_until(lambda: not glance.sql(
            "select 1 from image_properties p join images i on "
            "i.id = p.image_id where p.name = 'os_glance_import_task' "
            "and p.deleted = 0 and i.deleted = 0"), 60)

    def _wait_until(self, condition, seconds):
        until = time.monotonic() + seconds
        while not condition() and time.monotonic() < until:
            time.sleep(0.2)

    def _wrong(self, clients):
        """Return what is not as the last successful action left it."""
        wrong = []
        hashed = {}
        for action, subject in clients.actions.items():
            found = clients.glance.action(action)
            if found['status'] == 'success' and not subject.deleted:
                hashed[subject.id] = subject
            elif found['status'] == 'failure' and not subject.deleted and (
                    found['error']['code'] not in (
                        'image_deleted', 'image_changed')):
                wrong.append(found)
        for subject in hashed.values():
            image = clients.glance.image(subject.id)
            if not image['os_hash_value'] or image['os_hash_value'] != (
                    hashlib.new(image['os_hash_algo'],
                                subject.data).hexdigest()):
                wrong.append(image)
            if image['checksum'] != hashlib.md5(subject.data).hexdigest():
                wrong.append(image)
        return wrong
