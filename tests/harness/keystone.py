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
"""A real Keystone with the people of the tests in it."""

from __future__ import annotations

import atexit
import http.client
import os
from pathlib import Path
import shutil
import signal
import tempfile
from typing import Any

from tests.harness import ports
from tests.harness import processes
from tests.harness import settings
from tests.harness import users
from tests.harness import venvs
from tests.harness import web

PASSWORD = 'secret'
REGION = 'RegionOne'
PEOPLE = (
    users.ADMIN,
    users.MEMBER,
    users.READER,
    users.OTHER,
    users.SYSTEM,
    users.UNSCOPED,
)
# Glance's own user, with which auth_token asks about tokens.
SERVICE = users.User('glance', 'service', ('admin', 'service'))
BOOTSTRAP = users.User('admin', 'admin', ('admin',))


class Keystone:
    """One Keystone process with its own directory, sqlite and port.

    Users and projects have the names of ``tests.harness.users``; everybody's
    password is ``PASSWORD``.
    """

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix='glance-ext-keystone-'))
        self._port = ports.Port()
        self.url = f'http://127.0.0.1:{self._port.number}/v3'
        self._process: Any = None
        self._tokens: dict[users.User, str] = {}
        self._ids: dict[str, str] = {}
        atexit.register(self.stop)

    def __enter__(self) -> Keystone:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Keystone:
        """Boot it from nothing and bring the people in; about 8 seconds.

        :raises RuntimeError: when it does not come up, with its log's end.
        """
        python = venvs.ensure('keystone') / 'bin' / 'python'
        here = self.directory
        (here / 'keystone.conf').write_text(settings.ini(_options(here)))
        for name in ('fernet', 'credential'):
            (here / name).mkdir(mode=0o700)
        port = str(self._port.number)
        self._process = processes.boot(
            [str(python), '-m', 'tests.harness.keystone_serve', port, REGION],
            {
                'PATH': os.environ['PATH'],
                'OS_KEYSTONE_CONFIG_DIR': str(here),
                'OS_BOOTSTRAP_PASSWORD': PASSWORD,
                'PYTHONPATH': str(venvs.ROOT),
                'PYTHONWARNINGS': 'ignore',
            },
            here / 'server.log',
            self._answers,
        )
        self._seed()
        return self

    def stop(self) -> None:
        """End it and remove its directory."""
        if self._process is not None:
            processes.stop(self._process, signal.SIGTERM, 20)
        self._port.release()
        shutil.rmtree(self.directory, ignore_errors=True)
        atexit.unregister(self.stop)

    def token(self, user: users.User) -> str:
        """Return a token of this user and its scope; one for its life."""
        if user not in self._tokens:
            self._tokens[user] = self._authenticate(user)
        return self._tokens[user]

    def id(self, name: str) -> str:
        """Return the id of a user or a project by its name."""
        return self._ids[name]

    def publish(self, glance: str) -> None:
        """Put the URL of a Glance into the catalog."""
        service = {'type': 'image', 'name': 'glance'}
        found = self._call('POST', '/services', service=service)
        self._service = found['service']['id']
        for interface in ('public', 'internal', 'admin'):
            endpoint = {
                'service_id': self._service,
                'interface': interface,
                'region_id': REGION,
                'url': glance,
            }
            found = self._call('POST', '/endpoints', endpoint=endpoint)
            self._endpoint = found['endpoint']['id']

    def limit(self, **most: int) -> settings.Options:
        """Register limits of the Glance in the catalog, for each project.

        :returns: the options with which Glance asks for them
        """
        self._call('POST', '/registered_limits', registered_limits=[
            {'service_id': self._service, 'region_id': REGION,
             'resource_name': name, 'default_limit': value}
            for name, value in most.items()])
        return {
            'DEFAULT': {'use_keystone_limits': True},
            'oslo_limit': {
                **self._account(),
                'endpoint_id': self._endpoint,
            },
        }

    def change_limits(self, **most: int) -> None:
        """Change limits that :meth:`limit` has registered."""
        found = self._call('GET', '/registered_limits')['registered_limits']
        for each in found:
            if each['resource_name'] in most:
                self._call(
                    'PATCH', f'/registered_limits/{each["id"]}',
                    registered_limit={
                        'default_limit': most[each['resource_name']]})

    def authtoken(self) -> settings.Options:
        """Return the options with which Glance's auth_token asks here."""
        return {
            'keystone_authtoken': {
                'www_authenticate_uri': self.url,
                **self._account(),
                'service_token_roles': 'service',
                'service_token_roles_required': True,
            }
        }

    def _account(self) -> dict[str, Any]:
        return {
            'auth_url': self.url,
            'auth_type': 'password',
            'username': SERVICE.name,
            'password': PASSWORD,
            'project_name': SERVICE.project,
            'user_domain_id': 'default',
            'project_domain_id': 'default',
        }

    def environment(self, user: users.User) -> dict[str, str]:
        """Return the ``OS_*`` variables that make ``openstack`` this user."""
        scope = (
            {'OS_PROJECT_NAME': user.project}
            if user.project
            else {'OS_SYSTEM_SCOPE': user.system}
            if user.system
            else {}
        )
        return scope | {
            'OS_AUTH_URL': self.url,
            'OS_USERNAME': user.name,
            'OS_PASSWORD': PASSWORD,
            'OS_USER_DOMAIN_ID': 'default',
            'OS_PROJECT_DOMAIN_ID': 'default',
            'OS_REGION_NAME': REGION,
            'OS_IDENTITY_API_VERSION': '3',
        }

    def _answers(self) -> bool:
        try:
            return web.request(self.url, 'GET', timeout=5).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def _seed(self) -> None:
        found = self._call('GET', '/roles')['roles']
        roles = {role['name']: role['id'] for role in found}
        for user in (*PEOPLE, SERVICE):
            self._make('user', user.name, password=PASSWORD)
            if user.project and user.project not in self._ids:
                self._make('project', user.project)
            target = (
                f'/projects/{self._ids[user.project]}'
                if user.project
                else '/system'
            )
            for role in user.roles:
                here = f'{target}/users/{self._ids[user.name]}'
                self._call('PUT', f'{here}/roles/{roles[role]}')

    def _make(self, kind: str, name: str, **values: str) -> None:
        values |= {'name': name, 'domain_id': 'default'}
        found = self._call('POST', f'/{kind}s', **{kind: values})
        self._ids[name] = found[kind]['id']

    def _authenticate(self, user: users.User) -> str:
        domain = {'id': 'default'}
        who = {'name': user.name, 'domain': domain, 'password': PASSWORD}
        auth: dict[str, Any] = {
            'identity': {'methods': ['password'], 'password': {'user': who}}
        }
        if user.project:
            project = {'name': user.project, 'domain': domain}
            auth['scope'] = {'project': project}
        elif user.system:
            auth['scope'] = {'system': {'all': True}}
        answer = self._send('POST', '/auth/tokens', {}, auth=auth)
        return answer.headers['X-Subject-Token'] or ''

    def _call(self, method: str, path: str, **body: Any) -> Any:
        headers = {'X-Auth-Token': self.token(BOOTSTRAP)}
        answer = self._send(method, path, headers, **body)
        return answer.json if answer.body else None

    def _send(
        self, method: str, path: str, headers: dict[str, str], **body: Any
    ) -> web.Response:
        url = self.url + path
        answer = web.request(url, method, headers=headers, json=body or None)
        if answer.status >= 300:
            raise AssertionError(f'{answer.status}: {answer.text}')
        return answer


def _options(directory: Path) -> settings.Options:
    return {
        'DEFAULT': {'use_stderr': True},
        'database': {'connection': f'sqlite:///{directory}/keystone.sqlite'},
        # The least that is allowed; the default makes a token cost seconds.
        'identity': {'password_hash_rounds': 4},
        'token': {'provider': 'fernet', 'expiration': 86400},
        'fernet_tokens': {'key_repository': directory / 'fernet'},
        'fernet_receipts': {'key_repository': directory / 'fernet'},
        'credential': {'key_repository': directory / 'credential'},
        # It is one process, so memory will do.
        'cache': {'enabled': True, 'backend': 'dogpile.cache.memory'},
    }
