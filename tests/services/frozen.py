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
"""Two nodes on one database and the same stores; one of them goes away.

It is frozen, or cut off from the database, in the middle of actions of each
kind into each backend. The other one takes them over, and the first one comes
back: before that, during it, after their end, or after the next write.
"""

from __future__ import annotations

from collections import Counter
import contextlib
from http.client import HTTPException
import os
from pathlib import Path
import random
import re
import signal
import time
from typing import Any
import unittest

from glance_ext.host import images
from glance_ext.stores import drivers
from tests.functional.import_life import copying
from tests.functional.import_life import downloading
from tests.harness import commands
from tests.harness import cutting
from tests.harness import glance
from tests.harness import mariadb
from tests.harness.backends import ceph
from tests.harness.backends import http
from tests.harness.backends import stores
from tests.harness.backends import swift

TIMEOUT = 10
#: Segments of Swift, and more than one part of S3.
SIZE = 6 * 1_024_000
THAWS = ('before', 'during', 'after', 'next')
KINDS = ('copy', 'download', 'import', 'repair', 'drain')
TARGETS = ('file', 'rbd', 'swift', 's3')
_SECTIONS = {
    'rbd': lambda: ceph.shared().conf('rbd'),
    'swift': lambda: swift.shared().conf('swift'),
    's3': lambda: swift.shared().s3_conf('s3'),
}


class _Shared:
    """A database that an instance uses and does not own."""

    def __init__(self, database: Any, url: str) -> None:
        self.sql, self.url = database.sql, url

    def create(self, venv: Path) -> None:
        """It is there."""

    def drop(self) -> None:
        """It stays."""


class Subject:
    """An action of one kind into one store, and what it is about."""

    def __init__(self, kind: str, target: str, data: bytes) -> None:
        self.kind, self.target, self.data = kind, target, data
        self.image = ''
        self.action = ''
        self.command: Any = None

    def __str__(self) -> str:
        return f'{self.kind} into {self.target}'


class FrozenCase(unittest.TestCase):
    """What the short form and the long one share."""

    #: Which backends are there.
    targets: tuple[str, ...] = TARGETS
    #: Bytes per second that the first node moves; the other one has more.
    rate = 4 << 20
    #: Between which shares of the time that all takes it goes away.
    moments = 0.1, 0.9

    def begin(self, seed: str | None = None) -> None:
        """Start both nodes."""
        self.seed = seed or os.environ.get('SEED') or str(
            random.getrandbits(32))
        self.chance = random.Random(self.seed)
        self.ends: Counter[str] = Counter()
        self.lost: list[Any] = []
        self.server = self.enterContext(http.Server())
        sections = [_SECTIONS[name]() for name in self.targets
                    if name != 'file']
        database = mariadb.Database()
        # Who is frozen in a transaction holds its rows until the server ends
        # its connection: after hours, unless it is told to.
        url = database.url + (
            '&init_command=set+session+idle_transaction_timeout=4')
        self.wire = cutting.Wire(database._port)
        self.addCleanup(self.wire.close)
        self.second = self.node(database, sections, url)
        self.addCleanup(self.second.stop, signal.SIGKILL)
        self.second.start()
        # Nothing is written here: the test only deletes what is to be bad.
        self.enterContext(stores.multi_store(*sections, *(
            {f'{name}:file': {'filesystem_store_datadir':
                              str(self.second.directory / name)}}
            for name in self.files())))
        self.first = self.node(
            _Shared(database, url), sections,
            re.sub(r':\d+/', f':{self.wire.port}/', url))
        self.addCleanup(self.first.stop, signal.SIGKILL)
        self.first.start()

    def files(self) -> list[str]:
        return ['disk', 'file', *(f'from_{name}' for name in self.targets)]

    def node(self, database: Any, sections: Any, url: str) -> glance.Glance:
        arguments = stores.instance(*sections)
        found = glance.Glance(
            database=database, threads=24,
            stores=(*self.files(), *arguments['stores']),
            config=arguments['config'] | {
                'DEFAULT': {'http_retries': 8},
                'database': {'connection': url, 'max_retries': 3,
                             'retry_interval': 1},
                'wsgi': {'task_pool_threads': 40},
                'glance_ext': {
                    'heartbeat_timeout': TIMEOUT, 'stall_timeout': 20,
                    'max_running_actions': 36,
                    'bytes_per_second': self.rate * 8}})
        if hasattr(self, 'second'):
            found.options['glance_ext']['bytes_per_second'] = self.rate
            found.configure = _unchanged(  # type: ignore[method-assign]
                found, {name: {'filesystem_store_datadir':
                               self.second.directory / name}
                        for name in self.files()})
        return found

    # What is asked of the first node -------------------------------------

    def prepare(self, kind: str, target: str) -> Subject:
        """Have everything there that an action needs."""
        subject = Subject(kind, target, self.chance.randbytes(SIZE))
        if kind in ('copy', 'repair'):
            subject.image = self.second.upload(
                subject.data, stores=['disk'])
        if kind == 'repair':
            subject.action = self.copy(subject.image, target)
        if kind == 'drain':
            subject.image = self.second.upload(
                subject.data, stores=[f'from_{target}'])
        if kind == 'download':
            subject.image = self.second.create()['id']
        return subject

    def lose(self, image: str, store: str) -> None:
        """Delete an object past Glance, so that its copy is bad."""
        for id_, url in self.second.sql(
                'select id, value from image_locations where image_id = ? '
                'and deleted = 0', (image,)):
            place = images.Location(id_, store, url)
            if f'"{store}"' in str(self.second.sql(
                    'select meta_data from image_locations where id = ?',
                    (id_,))):
                drivers.delete(place, None)

    def ask(self, subject: Subject) -> None:
        if subject.kind == 'drain':
            subject.command = commands.Command(
                'glance_ext.cmd.manage',
                ['drain', f'from_{subject.target}', '--to', subject.target,
                 '--json', '--bytes-per-second', str(self.rate // 8),
                 '--config-file',
                 str(self.first.directory / 'etc' / 'glance-api.conf')],
                self.first.directory)
            self.addCleanup(subject.command.kill)
            return
        path, body = f'/v2/images/{subject.image}/import', None
        if subject.kind == 'copy':
            body = copying(subject.target)
        elif subject.kind == 'repair':
            path, body = f'/v2/images/{subject.image}/verify', {
                'repair': True}
        else:
            uri = self.server.serve(
                f'/{subject.target}-{self.chance.getrandbits(64)}',
                subject.data)
            body = downloading(uri, subject.target)
            if subject.kind == 'import':
                path, body = '/v2/image-imports', {
                    'location': uri, 'stores': [subject.target],
                    'image_properties': {'disk_format': 'raw'}}
        answer = self.first.request('POST', path, body)
        self.assertIn(answer.status, (201, 202), answer.text)
        subject.action = answer.headers['Location'].rpartition('/')[2]

    def copy(self, image: str, store: str) -> str:
        answer = self.second.request(
            'POST', f'/v2/images/{image}/import', copying(store))
        self.assertEqual(202, answer.status, answer.text)
        return str(answer.json['id'])

    def wait(self, action: str) -> Any:
        return self.second.wait_action(action, timeout=120)

    # What happens to the first node ---------------------------------------

    def go_away(self, how: str, subjects: list[Subject]) -> None:
        if how == 'cut':
            self.wire.cut()
        else:
            self.signal(signal.SIGSTOP, subjects)

    def come_back(self, how: str, subjects: list[Subject]) -> None:
        if how == 'cut':
            self.wire.mend()
        else:
            self.signal(signal.SIGCONT, subjects)

    def signal(self, number: int, subjects: list[Subject]) -> None:
        for pid in self.first.processes_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        for subject in subjects:
            if subject.command:
                subject.command.signal(number)

    def until(self, condition: Any, seconds: float) -> bool:
        limit = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > limit:
                return False
            time.sleep(0.1)
        return True

    def unfinished(self) -> list[Any]:
        return list(self.second.sql(
            "select t.id, t.status, i.result from tasks t join task_info i on "
            "t.id = i.task_id where t.deleted = 0 and (i.result is null or "
            "i.result not like '%\"phase\": \"ended\"%')"))

    def wait_for(self, thaw: str) -> None:
        if thaw == 'before':
            time.sleep(TIMEOUT / 2)
        elif thaw == 'during':
            self.until(lambda: any(
                '"attempt": 2' in str(row[2]) for row in self.unfinished())
                or not self.unfinished(), 40)
            time.sleep(self.chance.random() * 3)
        else:
            self.assertTrue(self.until(lambda: not self.unfinished(), 120),
                            self.unfinished())

    def write_again(self, subjects: list[Subject]) -> None:
        """Take each new copy away, as its owner may, and make it again."""
        there = [(image, subject.target) for subject in subjects
                 if (image := self.image_of(subject))
                 and self.second.image(image)['status'] == 'active']
        for action in [self.copy(image, 'disk') for image, _target in there
                       if 'disk' not in self.second.image(image)['stores']]:
            self.wait(action)
        for image, target in there:
            self.second.request('DELETE', f'/v2/stores/{target}/{image}')
        for action in [self.copy(*each) for each in there]:
            self.wait(action)

    def image_of(self, subject: Subject) -> str:
        if subject.image:
            return subject.image
        return self.second.action(subject.action)['image_id'] or ''

    # What has to be so afterwards -----------------------------------------

    def check(self, title: str, subjects: list[Subject]) -> None:
        """See that whatever is recorded is there, and nothing else."""
        wrong: list[Any] = []
        verified = {}
        for subject in subjects:
            if (image := self.image_of(subject)) and (
                    self.second.image(image)['status'] == 'active'):
                verified[image] = self.second.request(
                    'POST', f'/v2/images/{image}/verify', {})
        for subject in subjects:
            code = 'ended'
            if subject.action:
                ended = self.second.action(subject.action)
                code = (ended['error'] or {}).get('code') or ended['status']
            self.ends[f'{subject} {code}'] += 1
            image = self.image_of(subject)
            if image:
                wrong += [(title, str(subject), code, *each)
                          for each in self.wrong_with(
                              image, subject, verified.get(image))]
        self.lost += wrong
        print(title, f'{self.losses()} losses so far', *wrong, sep='\n  ',
              flush=True)

    def losses(self) -> int:
        """Return how often the first node found that it had lost an action.
        """
        logs = [self.first.log(), *(path.read_text() for path in (
            self.first.directory.glob('command-*.err')))]
        return sum(log.count('has another owner now') for log in logs)

    def wrong_with(self, image: str, subject: Subject, answer: Any
                   ) -> list[Any]:
        row = self.second.image(image)
        if row['status'] != 'active':
            return [] if row['status'] == 'queued' else [('status', row)]
        if answer.status != 202:
            return [('refused', answer.text)]
        found = self.wait(answer.json['id'])
        verdicts = found['result'].get('stores', {})
        wrong = [(store, verdict['verdict']) for store, verdict
                 in verdicts.items() if verdict['verdict'] != 'good']
        if not verdicts:
            wrong.append(('nothing verified', found))
        try:
            got = self.second.request('GET', f'/v2/images/{image}/file')
        except HTTPException as exc:
            return [*wrong, ('data', repr(exc))]
        if got.body != subject.data:
            wrong.append(('data', got.status, len(got.body)))
        return wrong

    def strays(self) -> set[str]:
        """Return the files that no location leads to, or the reverse."""
        recorded = {row[0].removeprefix('file://') for row in self.second.sql(
            "select value from image_locations where deleted = 0 and value "
            "like 'file:%'")}
        return recorded ^ {
            str(path) for name in self.files()
            for path in (self.second.directory / name).iterdir()}

    def round(self, how: str, thaw: str, cells: list[tuple[str, str]]
              ) -> None:
        """Have the first node go away at a random moment of these."""
        subjects = [self.prepare(kind, target) for kind, target in cells]
        for subject in subjects:
            if subject.action:
                self.wait(subject.action)
                self.lose(subject.image, subject.target)
        for subject in subjects:
            self.ask(subject)
        moment = self.chance.uniform(*self.moments) * (
            SIZE * len(cells) / self.rate)
        time.sleep(moment)
        self.go_away(how, subjects)
        begun = time.monotonic()
        try:
            self.wait_for(thaw)
            if thaw == 'next':
                self.write_again(subjects)
        finally:
            self.come_back(how, subjects)
        away = time.monotonic() - begun
        self.assertTrue(self.until(lambda: not self.unfinished(), 120),
                        self.unfinished())
        for subject in subjects:
            if subject.command:
                subject.command.communicate(60)
        # Its keeper looks every 2.5 seconds; drivers clean up after that.
        time.sleep(6)
        self.check(f'{how} at {moment:.1f} s for {away:.0f} s, back {thaw}',
                   subjects)


def _unchanged(instance: Any, stores_: Any) -> Any:
    """Return ``configure`` with stores that are another instance's."""
    configure = instance.configure

    def configured(config: Any = None) -> None:
        for name, options in stores_.items():
            instance.options[name].update(options)
        configure(config)
    return configured
