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
"""The user guide shows the specification's workflow as it runs.

``WRITE=1`` writes what the guide includes anew.
"""

import json
import os
import pathlib
import re
from urllib import parse

from tests.functional import disks
from tests.functional import import_requests
from tests.functional.cases import until
from tests.functional.import_requests import IMPORTS
from tests.harness.backends import http_raw
from tests.harness.users import MEMBER

PAGE = (pathlib.Path(__file__).parents[2] / 'doc' / 'source' / 'user'
        / 'imports-workflow.txt')
ASKED = {'name': 'GreatStack 1.22', 'tags': ['lamp', 'custom']}
ID = '12345678-1234-1234-1234-123456789abc'
IMAGE = 'deadbeef-dead-dead-dead-beefbeefbeef'


class GuideTest(import_requests.RequestCase):

    def setUp(self):
        super().setUp()
        self.replies = {
            'path': http_raw.answer(200, disks.qcow2()),
            'none': http_raw.answer(404)}
        self.reply = self.replies['path']
        self.store = self.enterContext(http_raw.Server(
            lambda headers, body: self.reply))
        self.host = parse.urlsplit(self.store.url).netloc
        self.lines = []
        self.number = 0

    def call(self, method, path, body=None, shown=()):
        """Make a call and write it down; return the answer."""
        self.number += 1
        catalog = [{'type': 'object-store', 'endpoints': [
            {'publicURL': f'{self.store.url}/v1/myaccount'}]}]
        answer = self.glance.request(method, path, body, user=MEMBER, headers={
            'X-Service-Catalog': json.dumps(catalog)})
        self.lines += [f'Request {self.number}: {method} {path}']
        if body is not None:
            self.lines += [json.dumps(body, indent=2)]
        reason = {200: 'OK', 201: 'Created'}[answer.status]
        self.lines += [f'Response {self.number}: {answer.status} {reason}']
        if 'Location' in answer.headers:
            self.lines += [f'Location: {answer.headers["Location"]}']
        if answer.body:
            found = answer.json
            if shown:
                found = {name: found[name] for name in shown}
                found['tags'].sort(key=ASKED['tags'].index)
            self.lines += [json.dumps(found, indent=2)]
        self.lines += ['']
        return answer

    def ended(self, name):
        """Have an import of an object end; return what it then is."""
        self.reply = self.replies[name]
        place = self.call('POST', IMPORTS, {
            'location': f'swift://{self.host}/myaccount/mycontainer/{name}',
            'image_properties': ASKED}).headers['Location']
        path = place.removeprefix(self.glance.url)
        until(lambda: self.show(path)['status'] in ('success', 'failure'))
        self.glance.wait_action(path.rpartition('/')[2])
        return self.call('GET', path).json, path.rpartition('/')[2]

    def text(self, *ids):
        """Return what happened, with what differs each time made alike."""
        text = '\n'.join(self.lines)
        for host, name in ((self.host, 'cloud.foo'), (
                self.glance.url, 'http://glance-server')):
            text = text.replace(host, name)
        for found, name in ids:
            text = text.replace(found, name)
        return re.sub(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000',
                      '2013-05-21T15:19:56+0000', text)

    def test_the_guide_shows_what_happens(self):
        done, first = self.ended('path')
        self.call('GET', done['image_ref'], shown=(
            'status', 'name', 'tags', 'disk_format', 'virtual_size', 'size'))
        image = done['image_ref'].rpartition('/')[2]
        _, second = self.ended('none')
        text = self.text((first, ID), (image, IMAGE),
                         (second, ID.replace('1234', '4321', 1)))
        if os.environ.get('WRITE'):
            PAGE.write_text(text)
        self.assertEqual(PAGE.read_text(), text)
