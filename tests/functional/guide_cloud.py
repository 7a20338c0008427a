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
"""The cloud that the pages of the documentation speak of."""

import contextlib
import hashlib
from pathlib import Path
import re
import tempfile
import textwrap
from typing import Any
import uuid

from tests.functional import cases
from tests.functional import disks
from tests.functional import restore_life
from tests.harness import console
from tests.harness import glance
from tests.harness import web
from tests.harness.backends import http
from tests.harness.backends import http_raw
from tests.harness.users import ADMIN

ARGUMENTS = {
    'stores': ('near', 'far', 'slow', 'ceph1'),
    'config': {
        'DEFAULT': {'http_retries': 2, 'delayed_delete': True,
                    'scrub_time': 3600},
    },
}
DATA = disks.noise(disks.MIB)
DISK = disks.qcow2()
DIGEST = hashlib.sha256(DISK).hexdigest()
TABLES = ('image_properties', 'image_tags', 'image_locations',
          'image_members', 'images', 'task_info', 'tasks')
ID = re.compile(r'\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b')
POLICY = '"calculate_hash": "rule:context_is_admin or role:image_auditor"\n'
# What a table calls the id of what it shows.
SHOWN = re.compile(rf'(?m)^\| id +\| ({ID.pattern})')
MOMENT = r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d'
# The images of a page, by what it says.
IMAGES = {'image-1': 'image-1|missing', 'image-2': 'image-2|missing',
          'my-image': 'my-image', '7a4bd0ac': '7a4bd0ac|missing'}
# What differs each time, and what is written for it.
CONSTANT = (
    (re.compile(MOMENT + r'(?=Z)'), '2026-11-25T12:00:00'),
    (re.compile(MOMENT + r'(?=\+)'), '2026-11-27T12:00:00'),
)
# What is written for a word of a synopsis.
WORDS = {'N': '2', 'TIME': '30m', 'IMAGE': '$IMAGE', 'DIR': '/etc/glance',
         '(?<=drain )STORE': 'slow', '(?<=--to )STORE': 'far',
         '(?<=--paste )FILE': '/etc/glance/glance-api-paste.ini',
         '(?<=--config-file )FILE': '/etc/glance/glance-api.conf',
         '(?<=--svg )FILE': '/var/log/glance/hashes.svg'}


def fixed(name: str) -> str:
    """Return the id that stands for something of this name."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f'{name}.example.com'))


def _serve() -> str:
    """Have a server with the files of the pages; return its URL."""
    server = http.shared()
    server.serve('/images/server.img', DISK)
    server.serve('/images/SHA256SUMS', f'{DIGEST}  server.img\n'.encode())
    server.serve('/greatstack.qcow2', DISK)
    return server.url


class Cloud:
    """A Glance with the images of one page, and a console before it.

    :param page: its text
    :param lasting: whether the lines go on from one another, and nothing is
        prepared for each of them
    """

    def __init__(self, page: str, lasting: bool) -> None:
        self.glance = glance.shared(**ARGUMENTS)
        self._lasting = lasting
        self._temporary = tempfile.TemporaryDirectory(prefix='glance-ext-')
        self.directory = Path(self._temporary.name)
        self._target = http_raw.Server(lambda *_: http_raw.answer(201))
        etc = self.directory / 'etc'
        #: What a page says, and what it is here.
        self.places = {
            'https://example.com': _serve(),
            'https://s3.example.com': self._target.url,
            'https://glance.example.com': self.glance.url,
            '/etc/glance': str(etc),
            '/etc/bash_completion.d': str(self.directory),
            '/var/lib/glance-ext': str(self.directory),
            '/var/log/glance': str(self.directory),
            '5feceb66...': DIGEST,
        }
        self._configure(etc)
        self.console = console.Console(
            self.directory,
            {'openstack': {
                'OS_AUTH_TYPE': 'admin_token', 'OS_TOKEN': ADMIN.token,
                'OS_ENDPOINT': f'{self.glance.url}/v2'},
             'glance-ext': {
                 'OS_IMAGE_URL': self.glance.url,
                 'OS_AUTH_TOKEN': ADMIN.token}},
            {'OS_GLANCE_CONFIG_DIR': str(etc)})
        self.variables = {'GLANCE': self.glance.url, 'TOKEN': ADMIN.token}
        #: The ids of the images.
        self.made: list[str] = []
        self._clear()
        for name, words in IMAGES.items():
            if re.search(words, page):
                self.make(name)
        if re.search('verify|report', page):
            self.both = self.make('two-copies', stores=('near', 'far'))
            self._hash(self.both, 'sha512')
        if re.search('md5|report', page):
            self._hash(self.make('weak'), 'md5')

    def _configure(self, etc: Path) -> None:
        """Make what is to stand for /etc/glance."""
        etc.mkdir()
        # As the API's, but that what is printed is no log.
        options = (self.glance.directory / 'etc' / 'glance-api.conf')
        (etc / 'glance-api.conf').write_text(options.read_text().replace(
            'use_stderr = true', f'log_file = {self.directory}/log'))
        # The pipeline of a Glance without the extension.
        shipped = self.glance.venv / 'etc' / 'glance' / 'glance-api-paste.ini'
        (etc / 'glance-api-paste.ini').write_text(shipped.read_text())
        (etc / 'policy.yaml').write_text(POLICY)
        # Where oslo.policy's tools look, as they do in /etc/glance.
        (self.directory / '.glance').symlink_to(etc)

    def close(self) -> None:
        """Leave a Glance without images."""
        self.console.close()
        self.settle()
        self._target.stop()
        self._clear()
        self._temporary.cleanup()

    def run(self, line: str) -> tuple[int, str]:
        """Run a line of a page, with a prompt or without.

        :returns: its status and its output
        """
        line = re.sub(r'^[#$] ', '', line)
        for word, value in WORDS.items():
            line = re.sub(rf'(?<![\w$]){word}(?!\w)', value, line)
        if not self._lasting:
            self.prepare(line)
        for there, here in self.places.items():
            line = line.replace(there, here)
        minds = ' restore ' in line
        try:
            with restore_life.alone() if minds else contextlib.nullcontext():
                status, output = self.console.run(line, self.variables)
        finally:
            if not self._lasting or ' cancel ' in line:
                self.settle()
        for shown in SHOWN.findall(output):
            self.variables['ID'] = shown
        return status, output

    def ask(self, method: str, path: str) -> web.Response:
        """Send a request of a page, with the body that it needs."""
        image = self.make('asked', stores=('near', 'far'))
        self.prepare(f'{method} $ACTION')
        action = self.variables['ACTION']
        names = {'id': image if '/images/' in path else action,
                 'action_id': action, 'task_id': action, 'store': 'near',
                 'image_id': image}
        bodies = {
            '/v2/images/{image_id}/import': {
                'method': {'name': 'copy-image'}, 'stores': ['ceph1']},
            '/v2/image-imports': {
                'location': f'{http.shared().url}/greatstack.qcow2'}}
        body = bodies.get(path, {}) if method == 'POST' else None
        try:
            return self.glance.request(method, path.format_map(names), body)
        finally:
            self.settle()

    def settle(self) -> None:
        """Have every action end."""
        self.glance.clear_faults()
        cases.until(self._idle)

    def make(self, name: str, stores: tuple[str, ...] = ('near',),
             id: str | None = None, data: bytes = DATA,
             **properties: Any) -> str:
        """Make an image without a hash; return its id."""
        image = id or fixed(f'{name}.{len(self.made)}')
        self.made.append(image)
        return self.glance.legacy(
            data, stores=stores, name=name, id=image, **properties)

    def prepare(self, line: str) -> None:
        """Have what these lines are about."""
        variables = self.variables
        if '$ACTION' in line:
            ends = not re.search('cancel|DELETE', line) and not self._lasting
            large = DATA * 4 if self._lasting else DATA
            self._begin(self.make('my-own', data=large), ends)
        if '$IMAGE' in line:
            variables['IMAGE'] = self.make('my-own')
            if ' restore ' in line:
                self._delete(variables['IMAGE'])
            if 'os_glance_import_task' in line:
                self._begin(variables['IMAGE'], ends=False)
        for image in ID.findall(line) if ' restore ' in line else ():
            if not self._row(image):
                self._delete(self.make(
                    'deleted', id=image, tags=['lamp'], os_distro='debian'))
        if ' drain ' in line:
            self.make('drained', ('slow',))
        if ' reap' in line:
            self._lose(self.make('stuck'))
        if '--repair' in line:
            self.glance.store_file('far', self.both).write_bytes(DATA[::-1])

    def _begin(self, image: str, ends: bool) -> None:
        """Have an action calculate a hash, and end if it is to.

        Otherwise it stands still half-way, or goes on slowly: a call that
        does not return keeps an action from ending when it is cancelled.
        """
        half = 2 * len(DATA)
        if self._lasting:
            self.glance.fault('stall', image=image, at=half)
        elif not ends:
            self.glance.fault(
                'slow', image=image, bytes_per_second=len(DATA) // 4)
        answer = self.glance.request('POST', cases.url(image), {})
        action = self.variables['ACTION'] = answer.json['id']
        if ends:
            self.glance.wait_action(action)
            return
        cases.until(lambda: self._has_come(action, half))

    def _has_come(self, action: str, half: int) -> bool:
        """Whether it is where it stands still, or under way."""
        seen = self.glance.action(action)
        if self._lasting:
            return bool(seen['progress']['bytes_done'] == half)
        return bool(seen['status'] == 'processing')

    def _idle(self) -> bool:
        """Whether every action has ended, and nothing is to be undone."""
        actions = self.glance.request('GET', '/v2/image-actions').json
        return all(each['phase'] == 'ended'
                   for each in actions['image_actions'])

    def _hash(self, image: str, algorithm: str) -> None:
        """Let it be known which digests an image has."""
        self.glance.sql(
            'update images set checksum = ?, os_hash_algo = ?, '
            'os_hash_value = ? where id = ?',
            (hashlib.md5(DATA).hexdigest(), algorithm,
             hashlib.new(algorithm, DATA).hexdigest(), image))

    def _row(self, image: str) -> bool:
        return bool(self.glance.sql(
            'select id from images where id = ?', (image,)))

    def _delete(self, image: str) -> None:
        self._hash(image, 'sha512')
        answer = self.glance.request('DELETE', f'/v2/images/{image}')
        assert answer.status == 204, answer.text

    def _lose(self, image: str) -> None:
        """Leave a lock whose holder is gone, long ago."""
        self.glance.sql(
            'insert into image_properties (image_id, name, value, '
            "created_at, deleted) values (?, 'os_glance_import_task', "
            "'gone', '2020-01-01 00:00:00.000000', 0)", (image,))

    def _clear(self) -> None:
        """Take every image and every action away."""
        for table in TABLES:
            self.glance.sql(f'delete from {table}')
        for store in self.glance.stores:
            for file in (self.glance.directory / store).iterdir():
                file.unlink()


def pattern(line: str, cloud: Cloud) -> re.Pattern[str]:
    """Return what a line of a page stands for.

    An ellipsis stands for anything, with what is written of it, and so does
    a variable.
    """
    line = line.replace('$GLANCE', cloud.glance.url)
    for there, here in cloud.places.items():
        line = line.replace(there, here)
    return re.compile(re.sub(
        r'\w*…|\\\.\\\.\\\.|\\\$[A-Z]+', '.*', re.escape(line)))


def alike(text: str, cloud: Cloud) -> str:
    """Return what a terminal showed, with what differs each time made alike.

    Places are those of the page, ids and times are always the same, and what
    is too long for a page is folded.
    """
    for name, place in cloud.places.items():
        text = text.replace(place, name)
    known = set(cloud.made)
    named = {}
    for found in dict.fromkeys(ID.findall(text)):
        if found not in known:
            named[found] = fixed(f'id.{len(named)}')
    text = ID.sub(lambda found: named.get(found[0], found[0]), text)
    for kind, constant in CONSTANT:
        text = kind.sub(constant, text)
    return '\n'.join(
        each.rstrip() for line in text.split('\n')
        for each in textwrap.wrap(line, 79, drop_whitespace=False) or [''])
