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
"""Requests of Glance's own that are looked at on their way."""

import io
import json
import unittest
from unittest import mock

from glance.common import config  # noqa: F401
from oslo_config import cfg
from oslo_config import fixture
import webob.exc

from glance_ext import conf
from glance_ext import errors
from glance_ext.api import ids
from glance_ext.api import passing
from glance_ext.host import contexts
from tests.unit.api.test_dispatch import IMAGE
from tests.unit.api.test_dispatch import Host

PATH = f'/v2/images/{IMAGE}'


class Case(unittest.TestCase):
    def setUp(self):
        conf.register_opts(cfg.CONF)
        self.options = self.enterContext(fixture.Config(cfg.CONF))
        self.host = Host()
        self.context = contexts.of_caller({
            'user_id': 'u', 'project_id': 'p', 'roles': ['member'],
            'is_admin': True})

    def patch(self, owner, name, *new, **how):
        return self.enterContext(mock.patch.object(owner, name, *new, **how))

    def send(self, method, path, body=None, context=True):
        """Return status, headers and body of the answer."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        environ = webob.Request.blank(
            path, method=method, body=raw,
            content_type='application/json').environ
        if context:
            environ['webob.adhoc_attrs'] = {'context': self.context}
        said = []

        def respond(status, headers, exc_info=None):
            said[:] = status, headers

        answer = b''.join(self.passing(self.host, environ, respond))
        return said[0], dict(said[1]), answer

    def passed(self):
        """Return the bodies that Glance got to read."""
        return [environ['wsgi.input'].read() if environ['wsgi.input']
                else b'' for environ, _ in self.host.calls]


class DeleteTest(Case):
    def setUp(self):
        super().setUp()
        self.prepare = self.patch(passing.node, 'prepare_delete')
        self.note = self.patch(passing.node, 'note_failed_delete')

    def delete(self, status, path=PATH, delayed=False, **how):
        self.options.config(delayed_delete=delayed)
        self.passing = passing.deleter()
        self.host = Host(status)
        self.assertEqual(status, self.send('DELETE', path, b'', **how)[0])
        self.assertEqual(1, len(self.host.calls))

    def test_one_that_failed_is_noted(self):
        for status, noted in (('204 No Content', 0), ('404 Not Found', 0),
                              ('403 Forbidden', 0), ('409 Conflict', 1),
                              ('500 Internal Server Error', 2),
                              ('503 Service Unavailable', 3)):
            self.delete(status)
            self.assertEqual(noted, self.note.call_count, status)
        self.note.assert_called_with(IMAGE, self.context)
        self.prepare.assert_not_called()

    def test_an_id_that_a_database_takes_for_the_same_counts(self):
        self.delete('409 Conflict', f'{PATH}%20%20')
        self.note.assert_called_once_with(IMAGE, self.context)

    def test_other_paths_are_left_alone(self):
        for path in (f'{PATH}/tags/x', f'{PATH}/', f'/v2/tasksx/{IMAGE}',
                     '/v2/images/short'):
            self.delete('500 Internal Server Error', path, delayed=True)
        self.note.assert_not_called()
        self.prepare.assert_not_called()

    def test_where_it_is_delayed_it_is_prepared(self):
        self.delete('204 No Content', delayed=True)
        self.prepare.assert_called_once_with(IMAGE, self.context)
        self.delete('401 Unauthorized', delayed=True, context=False)
        self.prepare.assert_called_once()

    def test_whatever_we_fail_at_glance_goes_on(self):
        self.prepare.side_effect = self.note.side_effect = OSError
        with self.assertLogs('glance_ext.api.passing', 'ERROR') as log:
            self.delete('409 Conflict', delayed=True)
        self.assertEqual(2, len(log.records))


class CreateTest(Case):
    def setUp(self):
        super().setUp()
        self.options.config(image_id_reuse_guard=True, group='glance_ext')
        self.passing = passing.poster(added=False)
        self.allowed = self.patch(ids.policy, 'allows', return_value=True)
        self.trace = self.patch(ids.ids, 'trace', return_value=None)
        self.occupied = self.patch(ids.clearing, 'is_occupied',
                                   return_value=False)
        self.patch(ids.drivers, 'writable', return_value=['a', 'b'])

    def create(self, body, **how):
        return self.send('POST', '/v2/images', body, **how)[0]

    def test_a_new_id_goes_on_to_glance_whole(self):
        body = {'id': IMAGE.upper(), 'name': 'x'}
        self.assertEqual('200 OK', self.create(body))
        self.assertEqual([json.dumps(body).encode()], self.passed())
        self.trace.assert_called_once_with(IMAGE)
        self.assertEqual(['a', 'b'], [
            call.args[0] for call in self.occupied.call_args_list])

    def test_one_that_left_something_is_refused(self):
        self.trace.return_value = 'a task'
        with self.assertLogs('glance_ext.api.ids', 'WARNING'):
            self.assertEqual('409 Conflict', self.create({'id': IMAGE}))
        self.trace.return_value = None
        self.occupied.side_effect = lambda store, *_: store == 'b'
        with self.assertLogs('glance_ext.api.ids', 'WARNING') as log:
            self.assertEqual('409 Conflict', self.create({'id': IMAGE}))
        self.assertIn("data in store 'b'", log.output[0])
        self.assertEqual([], self.host.calls)

    def test_a_store_that_does_not_say_is_not_taken_for_empty(self):
        self.occupied.side_effect = errors.StoreError('no answer')
        with self.assertLogs('glance_ext.api.ids', 'WARNING'):
            self.assertEqual('503 Service Unavailable',
                             self.create({'id': IMAGE}))
        self.assertEqual([], self.host.calls)

    def test_what_glance_refuses_or_names_itself_is_left_to_it(self):
        for body in ({}, {'id': 'x'}, {'id': 1}, [], b'{', b'"id"'):
            self.assertEqual('200 OK', self.create(body))
        self.assertEqual('200 OK', self.create({'id': IMAGE}, context=False))
        self.allowed.return_value = False
        self.assertEqual('200 OK', self.create({'id': IMAGE}))
        self.trace.assert_not_called()
        self.assertEqual(8, len(self.host.calls))

    def test_a_body_too_deep_to_be_looked_at_never_reaches_glance(self):
        for body in (b'[' * 20_000, b'[' * 40 + b']' * 40):
            self.assertEqual('400 Bad Request', self.create(body))
        self.assertEqual([], self.host.calls)


class PosterTest(Case):
    def post(self, path, body, **how):
        return self.send('POST', path, body, **how)

    def setUp(self):
        super().setUp()
        self.options.config(image_id_reuse_guard=False, group='glance_ext')
        self.patch(passing.imports, 'offered', lambda: ['copy-image', 'ours'])
        self.patch(passing.imports, 'is_ours',
                   lambda raw: json.loads(raw)['method'] == 'ours')
        self.passing = passing.poster(added=True)

    def test_methods_that_come_from_elsewhere_are_named(self):
        self.host.answer = [b'']

        def host(environ, start_response):
            start_response('201 Created', [
                ('OpenStack-image-import-methods', 'glance-direct'),
                ('X', 'y')])
            return [b'{}']

        self.host = host
        self.assertEqual(
            {'OpenStack-image-import-methods': 'copy-image,ours', 'X': 'y'},
            self.post('/v2/images', {})[1])

    def test_an_import_that_is_not_ours_goes_on_whole(self):
        body = {'method': 'theirs'}
        self.assertEqual('200 OK', self.post(f'{PATH}/import', body)[0])
        self.assertEqual([json.dumps(body).encode()], self.passed())

    def test_an_import_of_nobody_is_glances_to_refuse(self):
        self.post(f'{PATH}/import', {'method': 'ours'}, context=False)
        self.assertEqual(1, len(self.host.calls))

    def test_what_glance_would_misunderstand_never_reaches_it(self):
        self.patch(passing.imports, 'is_ours', mock.Mock(
            side_effect=webob.exc.HTTPBadRequest(explanation='Malformed')))
        status, _, text = self.post(f'{PATH}/import', b'{')
        self.assertEqual(('400 Bad Request', []), (status, self.host.calls))
        self.assertIn(b'Malformed', text)

    def test_a_task_that_looks_like_ours_never_reaches_it(self):
        status, _, _ = self.post('/v2/tasks', {'input': {'glance_ext': {}}})
        self.assertEqual(('400 Bad Request', []), (status, self.host.calls))
        self.assertEqual('200 OK', self.post('/v2/tasks/', {'input': {}})[0])

    def test_other_paths_are_not_read(self):
        environ = {'REQUEST_METHOD': 'POST', 'PATH_INFO': f'{PATH}/import/x',
                   'wsgi.input': io.BytesIO(b'unread')}
        self.passing(self.host, environ, lambda *_: None)
        self.assertEqual([b'unread'], self.passed())
