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
"""Keystone's limits hold, however many transfers run at once."""

import unittest

from tests.functional import quota_life
from tests.functional.hash_life import until
from tests.functional.import_life import STORES
from tests.functional.import_life import ImportCase
from tests.functional.import_life import changed
from tests.functional.import_life import downloading
from tests.functional.quota_life import RAW
from tests.functional.quota_life import SIZE
from tests.functional.quota_life import TOGETHER
from tests.harness import glance
from tests.harness import keystone
from tests.harness.backends import http
from tests.harness.soaking import soak

#: So much that nothing comes near it.
_ANY = 1000
_FREE = {'image_size_total': _ANY, 'image_stage_total': _ANY,
         'image_count_total': _ANY, 'image_count_uploading': _ANY}


def setUpModule():
    """Boot one Keystone with limits, and one Glance that heeds them."""
    people = LimitRaceCase.people = keystone.Keystone().start()
    unittest.addModuleCleanup(people.stop)
    server = LimitRaceCase.own = glance.Glance(
        auth='keystone', keystone=people, stores=STORES,
        config=changed(**quota_life.WIDE))
    unittest.addModuleCleanup(server.stop)
    server.start()
    people.publish(server.url)
    server.restart(people.limit(**_FREE))


class LimitRaceCase(ImportCase):
    """Twenty transfers at once, each of 1 MiB."""

    own: glance.Glance
    people: keystone.Keystone

    def setUp(self):
        self.glance = self.own
        self.server = self.enterContext(http.Server())
        self.crowd = quota_life.Crowd(self.glance, self.server)
        self.addCleanup(self.crowd.delete)
        self.limit()

    def limit(self, **most):
        """Have these limits, and no others."""
        self.people.change_limits(**(_FREE | most))

    def assertTold(self, outcomes, name):
        for each in outcomes:
            if each != 'success':
                self.assertIn(name, each)


class SizeTest(LimitRaceCase):
    """``image_size_total`` is 5 MiB."""

    def setUp(self):
        super().setUp()
        self.limit(image_size_total=5)

    def assertHeld(self, outcomes):
        self.assertTold(outcomes, 'image_size_total')
        self.assertEqual(5 * SIZE, self.crowd.used(), outcomes)

    @soak
    def test_uploads(self):
        self.assertHeld(self.crowd.uploads())

    def test_uploads_of_unknown_size(self):
        self.assertHeld(self.crowd.uploads(chunked=True))

    @soak
    def test_imports_from_locations(self):
        self.assertHeld(self.crowd.locations())

    @soak
    def test_imports_of_unknown_size(self):
        self.assertHeld(self.crowd.locations(framing='chunked'))

    def test_downloads(self):
        self.assertHeld(self.crowd.downloads())

    @soak
    def test_downloads_of_unknown_size(self):
        self.assertHeld(self.crowd.downloads(framing='chunked'))

    def test_copies(self):
        self.limit(image_size_total=TOGETHER + 4)
        images = [self.glance.upload(self.crowd.data, stores=('fast',))
                  for _ in range(TOGETHER)]
        outcomes = self.crowd.copies(images)
        self.assertTold(outcomes, 'image_size_total')
        # As Glance does, when it is asked for one after the other: the last
        # one may begin at the limit.
        self.assertEqual((TOGETHER + 5) * SIZE, self.crowd.used(), outcomes)


class StagingTest(LimitRaceCase):
    """``image_stage_total`` is 5 MiB, all of the time."""

    def setUp(self):
        super().setUp()
        self.limit(image_stage_total=5)

    def staged(self):
        place = self.glance.directory / 'staging'
        return sum(file.stat().st_size for file in place.rglob('*')
                   if file.is_file())

    def test_imports_from_locations(self):
        paths = self.crowd.imports(lambda number: RAW | {
            'location': self.server.serve(
                f'/{number}', self.crowd.data, stall_at=SIZE - 1000,
                ranges=False)})
        actions = [path.rpartition('/')[2] for path in paths]

        def settled():
            found = [self.glance.action(each) for each in actions]
            return all(each['status'] == 'failure' or
                       each['progress']['bytes_total'] for each in found)
        until(settled, 300)
        self.assertLessEqual(self.staged(), 5 * SIZE)
        self.crowd.go_on()
        outcomes = [self.crowd.ended(each) for each in actions]
        self.assertTold(outcomes, 'image_stage_total')
        self.assertEqual(5, outcomes.count('success'), outcomes)

    def test_an_upload_is_asked_before_a_byte_is_staged(self):
        path, = {*self.crowd.imports(
            lambda number: RAW if number == 0 else {'x': 1})}
        for body in (bytes(7 * SIZE), iter([bytes(SIZE)] * 7)):
            answer = self.glance.request(
                'PUT', f'{path}/file', body=body,
                headers={'Content-Type': 'application/octet-stream'})
            self.assertEqual(413, answer.status, answer.text)
            self.assertIn('image_stage_total', answer.text)
            self.assertEqual(0, self.staged())
        answer = self.glance.request(
            'PUT', f'{path}/file', body=bytes(SIZE),
            headers={'Content-Type': 'application/octet-stream'})
        self.assertEqual(204, answer.status, answer.text)
        self.assertEqual('success',
                         self.crowd.ended(path.rpartition('/')[2]))


class CountTest(LimitRaceCase):
    """The limits that count images."""

    def test_images_that_are_uploaded(self):
        self.limit(image_count_uploading=5)
        paths = self.crowd.imports(lambda number: RAW)
        self.assertEqual(5, len(paths))
        image = self.glance.create()['id']
        uri = self.server.serve('/image', self.crowd.data)
        self.assertIn('image_count_uploading', self.refused(
            413, image, downloading(uri, 'slow')))

    def test_images(self):
        self.limit(image_count_total=5)
        paths = self.crowd.imports(lambda number: RAW | {
            'location': self.crowd.stalled(number)})
        self.assertEqual(5, len(paths))
        self.crowd.go_on()
        outcomes = [self.crowd.ended(path.rpartition('/')[2])
                    for path in paths]
        self.assertEqual(5, outcomes.count('success'), outcomes)
