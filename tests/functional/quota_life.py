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
"""Transfers of every kind, many at once, against what a project may have."""

from collections.abc import Callable
from concurrent import futures
from typing import Any

from tests.functional.import_life import copying
from tests.functional.import_life import downloading
from tests.harness import glance
from tests.harness.backends import http
from tests.harness.users import ADMIN

#: How many there are at once, and how large each of them is.
TOGETHER, SIZE = 20, 1 << 20
DATA = bytes(range(256)) * (SIZE // 256)
RAW = {'image_properties': {'disk_format': 'raw'}}
#: Room for all of them to run at once, and time to wait for each other.
WIDE = {'glance_ext': {'max_running_actions': 24, 'heartbeat_timeout': 120,
                       'stall_timeout': 120, 'download_read_timeout': 120},
        'wsgi': {'task_pool_threads': 32}}


class Crowd:
    """What one project does with one Glance, all at the same time."""

    def __init__(self, on: glance.Glance, server: http.Server,
                 size: int = SIZE) -> None:
        self.glance = on
        self.server = server
        self.data = DATA[:size]

    def uploads(self, chunked: bool = False) -> list[str]:
        """Upload the data of image imports; return what became of each."""
        paths = self.imports(lambda number: RAW)

        def upload(path: str) -> Any:
            return self.glance.request(
                'PUT', f'{path}/file', timeout=120,
                body=iter([self.data]) if chunked else self.data,
                headers={'Content-Type': 'application/octet-stream'})
        answers = self.each(upload, paths)
        return [self.ended(path.rpartition('/')[2])
                if answer.status == 204 else self.told(answer)
                for path, answer in zip(paths, answers, strict=True)]

    def locations(self, **behaviour: Any) -> list[str]:
        """Import from a server that gives all of them data at once."""
        paths = self.imports(lambda number: RAW | {
            'location': self.stalled(number, **behaviour)})
        self.go_on()
        return [self.ended(path.rpartition('/')[2]) for path in paths]

    def downloads(self, **behaviour: Any) -> list[str]:
        """Download into images that wait for data."""
        waiting = [self.glance.create()['id'] for _ in range(TOGETHER)]

        def ask(number: int) -> Any:
            return self.glance.request(
                'POST', f'/v2/images/{waiting[number]}/import', downloading(
                    self.stalled(number, **behaviour), 'slow'), timeout=120)
        answers = self.each(ask, range(TOGETHER))
        self.go_on()
        return [self.outcome(answer) for answer in answers]

    def copies(self, images: list[str]) -> list[str]:
        """Copy images to one more store each."""
        answers = self.each(lambda image: self.glance.request(
            'POST', f'/v2/images/{image}/import', copying('slow'),
            timeout=120), images)
        return [self.outcome(answer) for answer in answers]

    def imports(self, body: Callable[[int], Any]) -> list[str]:
        answers = self.each(lambda number: self.glance.request(
            'POST', '/v2/image-imports', body(number), timeout=120),
            range(TOGETHER))
        return [answer.headers['Location'].removeprefix(self.glance.url)
                for answer in answers if answer.status == 201]

    def stalled(self, number: int, **behaviour: Any) -> str:
        return self.server.serve(f'/{number}', self.data, stall_at=1000,
                                 ranges=False, **behaviour)

    def go_on(self) -> None:
        for number in range(TOGETHER):
            self.server.release(f'/{number}')

    def outcome(self, answer: Any) -> str:
        return (self.ended(answer.json['id']) if answer.status == 202
                else self.told(answer))

    def ended(self, action: str) -> str:
        found = self.glance.wait_action(action, 300)
        error = found['error'] or {}
        return str(error.get('message') or found['status'])

    @staticmethod
    def told(answer: Any) -> str:
        return f'{answer.status} {answer.text}'

    @staticmethod
    def each(work: Callable[[Any], Any], items: Any) -> list[Any]:
        with futures.ThreadPoolExecutor(TOGETHER) as pool:
            return list(pool.map(work, items))

    def used(self) -> int:
        """Return the bytes that count, every copy of every image."""
        return sum(row[0] for row in self.glance.sql(
            'select i.size from images i join image_locations l on '
            "l.image_id = i.id where i.owner = ? and i.deleted = 0 and "
            "l.status != 'deleted' and i.size > 0",
            (self.project,)))

    @property
    def project(self) -> str:
        return (self.glance.keystone.id(ADMIN.project)
                if self.glance.keystone else f'{ADMIN.project}')

    def delete(self) -> None:
        """Take away what there is of images, and of imports that wait."""
        for kind, key in (('images', 'images'),
                          ('image-imports', 'image_imports')):
            found = self.glance.request(
                'GET', f'/v2/{kind}?limit=100').json[key]
            for each in found:
                self.glance.request('DELETE', each['self'])
