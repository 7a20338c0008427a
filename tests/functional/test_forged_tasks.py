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
"""Tasks of others that pass for actions: neither run, nor shown, nor counted.

The policies let everybody use Glance's own ``/v2/tasks``, and a node without
the extension answers it, on the same database.
"""

import json
import re
import socket
import types

from tests.functional import cases
from tests.functional import hash_life
from tests.functional.cases import until
from tests.harness import commands
from tests.harness import glance
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER
from tests.harness.users import OTHER

KEY = 'glance-ext-signing-key'
POLICY = {'tasks_api_access': '@', 'get_task': '@', 'get_tasks': '@',
          'add_task': '@'}
#: What nobody listens to.
NOWHERE = 'http://127.0.0.1:1/image'


class ForgedTasksTest(cases.HashCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        config = {**hash_life.QUICK, 'glance_ext': {'heartbeat_timeout': 10}}
        cls.ours = glance.Glance(config=config)
        cls.addClassCleanup(cls.ours.stop)
        cls.ours.start()
        shared = types.SimpleNamespace(
            url=cls.ours.database.url, sql=cls.ours.database.sql,
            create=lambda venv: None, drop=lambda: None)
        cls.plain = glance.Glance(database=shared, extension=False)
        cls.addClassCleanup(cls.plain.stop)
        for node in (cls.ours, cls.plain):
            node.prepare()
            (node.directory / 'etc' / 'policy.yaml').write_text(
                json.dumps(POLICY))
        cls.plain.start()
        # A task that imports from here goes on until the test is over.
        cls.silent = socket.create_server(('127.0.0.1', 0))
        cls.addClassCleanup(cls.silent.close)

    def setUp(self):
        self.glance = self.ours

    def genuine(self, image):
        """Return the inputs of one action of each type, all of them over."""
        where = f'/v2/images/{image}'
        empty = self.glance.create()['id']
        asked = (
            (f'{where}/hash', {'rehash': True}),
            (f'{where}/verify', {}),
            (f'{where}/import', {'method': {'name': 'copy-image'},
                                 'stores': ['slow']}),
            (f'/v2/images/{empty}/import', {'method': {
                'name': 'web-download', 'uri': NOWHERE}}),
            ('/v2/image-imports', {'location': NOWHERE}),
            (f'{where}/export', {'location': NOWHERE}))
        found = {}
        for path, body in asked:
            before = {row[0] for row in self.glance.sql(
                'select id from tasks')}
            answer = self.glance.request('POST', path, body)
            self.assertLess(answer.status, 300, answer.text)
            (task,) = {row[0] for row in self.glance.sql(
                'select id from tasks where deleted = 0')} - before
            self.glance.wait_action(task)
            ((text,),) = self.glance.sql(
                'select input from task_info where task_id = ?', (task,))
            input_ = json.loads(text)
            found[input_['glance_ext']['action_type']] = input_
        return found

    def forge(self, spec, image_id, user=MEMBER):
        """Have Glance make a task with this in its input; return its id."""
        host, port = self.silent.getsockname()
        answer = self.plain.request('POST', '/v2/tasks', {
            'type': 'import', 'input': {
                'import_from': f'http://{host}:{port}/x',
                'import_from_format': 'raw', 'image_properties': {},
                'image_id': image_id, 'glance_ext': spec}}, user=user)
        self.assertEqual(201, answer.status, answer.text)
        return answer.json['id']

    def sweep(self):
        """Wait until the node has looked at every row twice."""
        for _ in range(2):
            self.glance.sql("update tasks set expires_at = '2020-01-01 "
                            "00:00:00' where id = ?", (self.marker,))
            until(lambda: self.glance.sql(
                'select 1 from tasks where id = ? and deleted', (self.marker,)
            ))
            self.glance.sql('update tasks set deleted = 0, expires_at = null '
                            'where id = ?', (self.marker,))

    def row(self, task):
        ((status, message, result),) = self.glance.sql(
            'select status, message, result from tasks join task_info on '
            'task_id = id where id = ?', (task,))
        return status, message, result

    def unseen(self, task):
        """See that a task has left no trace among the actions."""
        for path in ('image-actions', 'image-imports', 'image-exports'):
            for user in (ADMIN, MEMBER):
                self.expect(404, self.get(f'/v2/{path}/{task}', user=user))
                self.expect(404, self.glance.request(
                    'DELETE', f'/v2/{path}/{task}', user=user))
                self.assertNotIn(task, self.expect(200, self.get(
                    f'/v2/{path}?limit=100', user=user)).text)

    def unbelieved(self, forged):
        for name, task in forged.items():
            with self.subTest(name):
                status, message, result = self.row(task)
                self.assertIsNone(result, (status, message))
                self.unseen(task)
                self.assertLessEqual(self.glance.log().count(
                    f'Task {task}, which has the form'), 1)

    def reap(self):
        command = commands.Command(
            'glance_ext.cmd.manage', [
                'reap', '--json', '--config-file',
                str(self.glance.directory / 'etc' / 'glance-api.conf')],
            self.glance.directory)
        self.addCleanup(command.kill)
        out, errors = command.communicate()
        self.assertEqual(0, command.returncode, errors + out)
        return out

    def running(self):
        """Return how many actions the metrics tell of."""
        text = self.expect(200, self.get('/v2/info/glance-ext/metrics')).text
        return sum(float(value) for value in re.findall(
            r'^glance_ext_actions_(?:running|waiting)\{.*\} (\S+)$', text,
            re.MULTILINE))

    def test_nothing_of_them_is_believed(self):
        target = self.glance.legacy(b'data', user=OTHER, visibility='private')
        genuine = self.genuine(self.glance.upload(b'data' * 9))
        self.marker = self.accept(self.glance.legacy(b'data'))['id']
        self.ended(self.marker)
        listed = {each['id'] for each in self.get(
            '/v2/image-actions?limit=100').json['image_actions']}
        self.assertEqual(7, len(genuine) + 1)

        caller = {'user_id': 'u', 'project_id': 'p', 'roles': ['admin'],
                  'is_admin': True}
        forged = {}
        for action_type, input_ in genuine.items():
            forged[action_type] = self.forge({
                **input_['glance_ext'], 'caller': caller, 'max_attempts': 9,
                # At once anybody may take it over.
                'heartbeat_timeout': -9}, target)
        self.sweep()
        self.unbelieved(forged)
        for name, spec in {
                'nothing': {}, 'only a type': {'action_type': 'hash'},
                'wrong types': {
                    'action_type': ['hash'], 'max_attempts': 'many',
                    'heartbeat_timeout': 'x', 'caller': 'me',
                    'stores': 17, 'sealed': [], 'signature': {}},
                'too long': {'action_type': 'hash', 'max_attempts': 1,
                             'heartbeat_timeout': 1e300, 'caller': caller},
                'signed by nobody': {
                    **genuine['hash']['glance_ext'], 'signature': '0' * 64},
        }.items():
            forged[name] = self.forge(spec, target)
        self.sweep()
        self.unbelieved(forged)
        self.assertEqual((None, None, None), self.digests(target))
        self.assertEqual([], self.glance.sql(
            "select name from image_properties where image_id = ? and name "
            "like 'os_glance%'", (target,)))
        self.assertEqual(0, self.running())
        self.assertEqual('', self.reap())
        self.assertEqual(listed, {each['id'] for each in self.get(
            '/v2/image-actions?limit=100').json['image_actions']})

        with self.subTest('Glance shows them as before'):
            task = forged['hash']
            for node in (self.ours, self.plain):
                shown = node.request('GET', f'/v2/tasks/{task}', user=MEMBER)
                self.assertEqual((200, task), (shown.status,
                                               shown.json['id']))
            self.assertIn(task, self.expect(200, self.get(
                f'/v2/images/{target}/tasks')).text)
        with self.subTest('one that holds a lock holds it as Glance says'):
            self.held(target, forged['copy-image'])
        with self.subTest('its Idempotency-Key is not used again'):
            self.kept_key()
        with self.subTest('a node that is started again knows its own'):
            self.glance.restart()
            self.assertLess(listed, {each['id'] for each in self.get(
                '/v2/image-actions?limit=100').json['image_actions']})
        with self.subTest('nobody is told the key'):
            self.secret()

    def held(self, image, task):
        self.glance.sql(
            'insert into image_properties (image_id, name, value, '
            "created_at, deleted) values (?, 'os_glance_import_task', ?, "
            "'2020-01-01 00:00:00', 0)", (image, task))
        self.expect(409, self.post(image))
        self.glance.sql("update tasks set updated_at = '2020-01-01 00:00:00' "
                        'where id = ?', (task,))
        self.succeeded(self.hash(image))

    def kept_key(self):
        for path, body in (
                ('/v2/image-imports', {'location': NOWHERE}),
                (f'/v2/images/{self.glance.upload(b"data")}/export',
                 {'location': NOWHERE})):
            answers = []
            for _ in range(2):
                answer = self.glance.request(
                    'POST', path, body, headers={'Idempotency-Key': path})
                answers.append(answer.status)
                self.glance.sql(
                    "update tasks set owner = 'other' where id = ?",
                    ((answer.headers.get('Location') or '').rpartition(
                        '/')[2],))
            self.assertEqual([201, 409], answers)

    def secret(self):
        ((key,),) = self.glance.sql(
            'select message from task_info where task_id = ?', (KEY,))
        self.assertRegex(key, '^[0-9a-f]{64}$')
        for node in (self.ours, self.plain):
            self.assertNotIn(key, node.log())
            for user in (ADMIN, MEMBER, OTHER):
                for path in (f'/v2/tasks/{KEY}', '/v2/tasks?limit=1000'):
                    answer = node.request('GET', path, user=user)
                    self.assertNotIn(key, answer.text)
                    self.assertEqual(path.endswith('1000'),
                                     answer.status == 200, answer.text)
                    self.assertNotIn(f'"{KEY}"', answer.text)
