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
"""Image imports with an id of the caller's choice, which only one can have."""

from concurrent import futures
import uuid

from tests.functional import disks
from tests.functional import import_requests
from tests.harness.soaking import SOAK
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER
from tests.harness.users import OTHER

ROUNDS = 120 if SOAK else 6


def properties(image):
    """Return what makes an import that gets this id."""
    return {'id': image, 'disk_format': 'raw', 'container_format': 'bare'}


class IdCase(import_requests.RequestCase):
    def setUp(self):
        super().setUp()
        self.image = str(uuid.uuid4())
        self.body = {'image_properties': properties(self.image)}

    def taken(self, answer):
        self.expect(409, answer)
        self.assertIn(f'Image ID {self.image} already exists', answer.text)

    def at_once(self, *calls):
        with futures.ThreadPoolExecutor(len(calls)) as pool:
            return [each.result() for each in [
                pool.submit(call) for call in calls]]


class ReservedTest(IdCase):
    """An import has its id from when it is accepted until it is undone."""

    def test_a_second_import_is_refused_while_the_first_lives(self):
        path = self.begin(**self.body)
        for user in MEMBER, OTHER, ADMIN:
            self.taken(self.ask(self.body, user))
        self.expect(204, self.glance.request('DELETE', path, user=MEMBER))
        self.wait(path)
        self.assertEqual([], self.glance.sql(
            'select id from images where id = ?', (self.image,)))
        location = self.serve(disks.qcow2())
        again = self.begin(location, user=OTHER, image_properties={
            'id': self.image})
        self.assertEqual('success', self.wait(again, OTHER)['status'])
        self.taken(self.ask(self.body))

    def test_glance_makes_no_image_with_the_id_and_shows_none(self):
        path = self.begin(**self.body)
        for user in MEMBER, OTHER, ADMIN:
            self.taken(self.glance.request(
                'POST', '/v2/images', properties(self.image), user=user))
            for method, place in (
                    ('GET', ''), ('DELETE', ''), ('GET', '/file'),
                    ('GET', '/members'), ('GET', '/locations')):
                self.assertIn(self.glance.request(
                    method, f'/v2/images/{self.image}{place}', user=user
                ).status, (403, 404), place)
            self.assertIsNone(self.glance.request(
                'GET', f'/v2/images?id=in:{self.image}', user=user
            ).json.get('next'))
            self.assertNotIn(self.image, self.glance.request(
                'GET', '/v2/images?limit=1000&os_hidden=true&visibility=all',
                user=user).text)
        data = disks.noise(disks.MIB)
        self.expect(204, self.upload(path, data))
        self.assertEqual('success', self.wait(path)['status'])
        self.assertEqual(data, self.glance.download(self.image, MEMBER))
        self.assertEqual([], self.glance.sql(
            "select name from image_properties where image_id = ? and name "
            "= 'os_glance_import_task' and deleted = 0", (self.image,)))

    def test_an_id_of_an_image_that_is_or_was_is_refused(self):
        self.glance.create(user=OTHER, id=self.image)
        self.taken(self.ask(self.body))
        self.expect(204, self.glance.request(
            'DELETE', f'/v2/images/{self.image}', user=OTHER))
        self.taken(self.ask(self.body))


class AtOnceTest(IdCase):
    """Many at once: each time, one has the id."""

    def test_one_of_many_is_accepted(self):
        for _ in range(ROUNDS):
            self.image = str(uuid.uuid4())
            self.body = {'image_properties': properties(self.image)}
            answers = self.at_once(*[
                lambda user=user: self.ask(self.body, user)
                for user in (MEMBER, OTHER, ADMIN) * 2], lambda: (
                    self.glance.request('POST', '/v2/images',
                                        properties(self.image))))
            self.assertEqual(
                [201] + [409] * 6, sorted(each.status for each in answers),
                [each.text for each in answers])

    def test_one_request_with_a_key_is_one_import_however_often_sent(self):
        for _ in range(ROUNDS):
            body = {'image_properties': properties(str(uuid.uuid4()))}
            key = str(uuid.uuid4())
            answers = self.at_once(*[
                lambda: self.ask(body, Idempotency_Key=key)] * 4)
            self.assertEqual({201}, {each.status for each in answers},
                             [each.text for each in answers])
            self.assertEqual(1, len({
                each.headers['Location'] for each in answers}))

    def test_no_image_is_without_its_data(self):
        ended = {}
        for number in range(ROUNDS):
            found = self.race(str(uuid.uuid4()), number)
            ended[found] = ended.get(found, 0) + 1
        print(f'{type(self).__name__}: {ended}', flush=True)
        self.assertEqual({'whole'}, set(ended))

    def race(self, image, number):
        """Have two imports want an id at once, one of which may fail."""
        data = [disks.noise(disks.MIB // 2), disks.noise(disks.MIB // 2)]
        served = [self.server.serve(f'/{image}/{each}', data[each])
                  for each in (0, 1)]
        users = MEMBER, (MEMBER, OTHER)[number % 2]
        answers = self.at_once(*[
            lambda each=each: self.ask(
                {'location': served[each],
                 'image_properties': properties(image)}, users[each])
            for each in (0, 1)])
        for answer in answers:
            if answer.status == 201:
                self.glance.wait_action(
                    answer.headers['Location'].rpartition('/')[2], 60)
        shown = self.glance.request('GET', f'/v2/images/{image}')
        if shown.status != 200:
            return 'none'
        got = self.glance.request('GET', f'/v2/images/{image}/file')
        if shown.json['status'] != 'active' or got.body not in data:
            return f'{shown.json["status"]} without its data'
        return 'whole'


class MariaDBTest(AtOnceTest):
    """On two nodes, as it were: the processes share the database alone."""

    arguments = {**import_requests.RequestCase.arguments,
                 'database': 'mariadb', 'server': 'gunicorn', 'processes': 2}
