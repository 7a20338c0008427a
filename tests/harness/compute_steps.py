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

"""What a server of Nova's Images API is asked, step by step."""

from __future__ import annotations

from collections.abc import Callable
import json
import re
from typing import Any
import uuid

import webob

from glance_ext.compat import compute_images
from tests.harness import headerauth
from tests.harness import v1_steps
from tests.harness.users import ADMIN
from tests.harness.users import User

ROLES = ('member', 'reader')
SERVER = '0e1f4d5a-6a43-4c6e-9c28-7d7f4d3f1a11'
_TIME = re.compile(r'"\d{4}-\d\d-\d\dT[\d:.]+Z"')

#: Returns status, headers and text of an answer.
Ask = Callable[..., tuple[int, dict[str, str], str]]


class Run:
    """The steps on one server, with images and projects of their own.

    :param name: begins their names.
    :param glance: where the images are made, by version 1.
    """

    def __init__(self, name: str, ask: Ask, glance: Any) -> None:
        self.name = name
        self._ask = ask
        self._glance = glance
        # Nova takes hexadecimal digits alone for a project.
        self._project = uuid.uuid5(uuid.NAMESPACE_OID, name).hex
        self.alice = User(f'{name}-alice', self._project, ROLES)
        self.bob = User(f'{name}-bob', f'{name}-bob', ROLES)
        self.answers: dict[str, Any] = {}
        self._ids: dict[str, str] = {}

    def id(self, name: str) -> str:
        """Return the id of the image that the steps call ``name``."""
        found = uuid.uuid5(uuid.NAMESPACE_OID, f'{self.name} {name}')
        return self._ids.setdefault(name, str(found))

    def make(self, name: str, user: User, data: bytes | None = b'',
             **image: Any) -> None:
        """Make an image."""
        sent = v1_steps.meta(name, **image)
        sent['x-image-meta-id'] = self.id(name)
        sent |= v1_steps.OCTETS
        answer = self._glance.request(
            'POST', '/v1/images', body=data, headers=sent, user=user
        )
        if answer.status != 201:
            raise AssertionError(answer.text)

    def __call__(
        self,
        path: str,
        method: str = 'GET',
        body: Any = None,
        user: User | None = None,
        key: str = '',
        **headers: str,
    ) -> None:
        """Ask one thing; ``{name}`` in the path is an image's id."""
        sent = {n.replace('_', '-'): v for n, v in headers.items()}
        where = re.sub(r'\{(.+?)\}', lambda m: self.id(m[1]), path)
        where = where.replace('@', self._project)
        status, given, text = self._ask(
            method, where, json=body, headers=sent, user=user or self.alice
        )
        parts = [method, path, json.dumps(body) if body else '', key]
        who = user.name.removeprefix(f'{self.name}-') if user else ''
        step = ' '.join(filter(None, [*parts, who, *headers.values()]))
        if step in self.answers:
            raise ValueError(step)
        self.answers[step] = {
            'status': status,
            'body': self._normal(status, text),
            'version': given.get('openstack-api-version')
            if status < 300
            else None,
        }

    def _normal(self, status: int, text: str) -> Any:
        for name, image in self._ids.items():
            text = text.replace(image, f'<{name}>')
        text = text.replace(f'{self.name}-', '')
        text = text.replace(self._project, '<project>')
        text = _TIME.sub('"<time>"', text)
        text = re.sub(r'http://[^/"]+(/compute)?', '<host>', text)
        if status >= 300:
            found = json.loads(text) if text.startswith('{') else {}
            return {
                name: fault.get('code') for name, fault in found.items()
            }
        return json.loads(text) if text else None


def served(server: Any, prefix: str) -> Ask:
    """Return how to ask a server."""

    def ask(method: str, path: str, **how: Any) -> Any:
        answer = server.request(method, prefix + path, **how)
        headers = {n.lower(): v for n, v in answer.headers.items()}
        return answer.status, headers, answer.text

    return ask


def in_process(service: Any) -> Ask:
    """Return how to ask our application, on an image service."""
    application = headerauth.HeaderAuth(
        compute_images.Application(service, 128)
    )

    def ask(method: str, path: str, json: Any, headers: dict[str, str],
            user: User) -> Any:
        request = webob.Request.blank(
            path,
            method=method,
            base_url='http://localhost/v2.1',
            headers=headers | {'X-Auth-Token': user.token},
        )
        if json is not None:
            request.json = json
        answer = request.get_response(application)
        found = {n.lower(): v for n, v in answer.headers.items()}
        return answer.status_int, found, answer.text

    return ask


RAW = {'disk_format': 'raw', 'container_format': 'bare'}


def steps(run: Run) -> dict[str, Any]:
    """Take all steps; return the answers."""
    alice, bob = run.alice, run.bob
    run.make('one', alice, b'data', **RAW, min_ram=64, min_disk=1,
             p_os_type='linux', p_other='x', p_key='value')
    run.make('snapshot', alice, b'more', **RAW, p_image_type='snapshot',
             p_instance_uuid=SERVER, p_auto_disk_config='True')
    run.make('queued', alice, None)
    run.make('protected', alice, b'x', **RAW, protected='True')
    run.make("bob's", bob, b'x', **RAW)
    run.make('published', ADMIN, b'x', **RAW, is_public='True')
    _lists(run)
    _shows(run)
    _metadata(run)
    for path, method in (
        ('/images', 'POST'), ('/images', 'DELETE'), ('/images/{one}', 'PUT'),
        ('/images/{one}/metadata', 'DELETE'),
        ('/images/{one}/metadata/key', 'POST'),
    ):
        run(path, method, {'x': 'y'} if method != 'DELETE' else None)
    for path in ('/images/{one}', '/images/{protected}', "/images/{bob's}",
                 '/images/{published}', '/images/{absent}', '/images/bad'):
        run(path, 'DELETE')
    run('/images/{one}', 'DELETE', key='again')
    run('/images/{one}', key='when it is gone')
    return run.answers


def _lists(run: Run) -> None:
    # Owned images alone: what is public is of all runs.
    for path in ('/images', '/images/detail'):
        for query in (
            'name=one', 'name=none', 'name=one&status=ACTIVE',
            'name=one&status=SAVING', 'name=one&status=active',
            'name=queued&status=SAVING', 'name=queued&status=QUEUED',
            'name=one&status=DELETED', 'name=one&status=ERROR',
            'name=one&status=x', f'server={SERVER}&name=snapshot',
            f'server=http://x/v2/servers/{SERVER}&name=snapshot',
            'server=x', 'type=snapshot&name=snapshot',
            'minRam=64&name=one', 'minDisk=1&name=one', 'minRam=x',
            'name=one&changes-since=2000-01-01T00:00:00Z',
            'changes-since=2999-01-01T00:00:00Z', 'changes-since=x',
            'property-os_type=linux&name=one', 'property-other=x&name=one',
            'property-key=value&name=one', 'property-key=none',
            'limit=1&name=one', 'limit=2&name=one', 'limit=0', 'limit=-1',
            'limit=x', 'page_size=1&name=one', 'page_size=0', 'offset=x',
            'marker=x', 'unknown=x&name=one', 'name=one&name=queued',
        ):
            run(f'{path}?{query}')
        run(path + '?name=one&limit=1&marker={snapshot}')
        run(path + '?marker={absent}')
    run('/@/images?name=one')
    run('/@/images/detail?name=one&limit=1')


def _shows(run: Run) -> None:
    for name in ('one', 'snapshot', 'queued', 'protected', "bob's",
                 'published', 'absent'):
        run(f'/images/{{{name}}}')
    run("/images/{bob's}", user=run.bob)
    run('/images/{one}', user=run.bob)
    run('/images/bad')
    run('/@/images/{snapshot}')
    for version in ('2.1', '2.35', '2.36', '2.38', '2.39', 'latest', 'x'):
        for path in ('/images/{one}', '/images/{one}/metadata'):
            run(path, OpenStack_API_Version=f'compute {version}')
    run('/images/{one}', X_OpenStack_Nova_API_Version='2.36')


def _metadata(run: Run) -> None:
    one = '/images/{one}/metadata'
    run(one)
    run(f'{one}/key')
    run(f'{one}/none')
    run(one, 'POST', {'metadata': {'added': '1', 'key': 'new'}})
    run(one, 'POST', {'metadata': {}})
    for body in (
        {}, {'metadata': None}, {'metadata': {'a': 1}}, {'x': {}},
        {'metadata': {'ä': 'x'}}, {'metadata': {'': 'x'}},
        {'metadata': {'a': 'x' * 256}}, {'metadata': {}, 'x': 1}, [],
    ):
        run(one, 'POST', body, key=json.dumps(body)[:20])
        run(one, 'PUT', body, key=json.dumps(body)[:20])
    run(one, key='after refusals')
    run(f'{one}/key', 'PUT', {'meta': {'key': 'newer'}})
    run(f'{one}/fresh', 'PUT', {'meta': {'fresh': 'x'}})
    run(f'{one}/key', 'PUT', {'meta': {'other': 'x'}})
    run(f'{one}/key', 'PUT', {'meta': {'key': 'x', 'other': 'x'}})
    run(f'{one}/key', 'PUT', {'meta': {}})
    run(f'{one}/key', 'PUT', {'metadata': {'key': 'x'}})
    run(f'{one}/key', 'DELETE')
    run(f'{one}/key', 'DELETE', key='again')
    run(one, key='after a deletion')
    run(one, 'PUT', {'metadata': {'only': 'this'}})
    run(one, key='after a replacement')
    many = {f'k{n}': 'x' for n in range(129)}
    run(one, 'POST', {'metadata': many})
    for name in ("bob's", 'published', 'absent'):
        path = f'/images/{{{name}}}/metadata'
        run(path)
        run(path, 'POST', {'metadata': {'a': 'b'}})
        run(path, 'PUT', {'metadata': {'a': 'b'}})
        run(f'{path}/a', 'PUT', {'meta': {'a': 'b'}})
        run(f'{path}/a', 'DELETE')
