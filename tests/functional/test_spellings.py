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
"""However a request is spelt: what we decide on is what Glance decides on."""

import collections
import functools
import unittest
from unittest import mock
import uuid

from oslo_config import cfg
from oslo_config import fixture

from glance_ext import conf
from glance_ext.api import dispatch
from glance_ext.api import ids
from glance_ext.api import imports
from glance_ext.api import passing
from glance_ext.api import tasks
from glance_ext.host import contexts
from tests.functional import cases
from tests.functional import spellings
from tests.harness import glance
from tests.harness import settings
from tests.harness import venvs
from tests.harness.soaking import SOAK

SPELLINGS = 200_000 if SOAK else 10_000
#: What Glance would call, and the guard that has to have been asked.
GUARDED = {
    ('ImagesController', 'create'): 'id',
    ('ImagesController', 'import_image'): 'import',
    ('TasksController', 'create'): 'task',
    ('ImagesController', 'delete'): 'delete',
}


#: The status of what the filter answers itself.
OURS = 299


def answer(environ, start_response):
    start_response(f'{OURS} Ours', [])
    return []


class RoutingTest(unittest.TestCase):
    """Glance's own routing, in both forms of its ini, is the oracle."""

    def setUp(self):
        cfg.CONF([], default_config_files=[], default_config_dirs=[])
        self.addCleanup(cfg.CONF.reset)
        conf.register_opts(cfg.CONF)
        options = self.enterContext(fixture.Config(cfg.CONF))
        options.config(image_id_reuse_guard=True, group='glance_ext')
        options.config(delayed_delete=True)
        self.asked = []
        for owner, name, guard in (
            (ids, 'require_unused', 'id'), (tasks, 'require_foreign', 'task'),
            (imports, 'is_ours', 'import'),
            (passing.node, 'prepare_delete', 'delete'),
        ):
            self.enterContext(mock.patch.object(
                owner, name, functools.partial(self.note, guard)))
        for owner, name, value in (
            (imports, 'adds_methods', lambda: True),
            (imports, 'offered', lambda: []),
            (dispatch, '_dispatcher', lambda: answer),
        ):
            self.enterContext(mock.patch.object(owner, name, value))
        self.context = contexts.of_caller({
            'user_id': 'u', 'project_id': 'p', 'roles': ['admin'],
            'is_admin': True})

    def note(self, guard, *arguments, **more):
        self.asked.append((guard, *arguments))
        return False

    def test_no_spelling_passes_a_guard(self):
        speller = spellings.Speller(20261130)
        mount = functools.partial(dispatch.mount, start=lambda: None)
        pipelines = [
            (outer, spellings.Routing(mount, outer),
             spellings.Routing(lambda app: app, outer))
            for outer in (True, False)]
        reached = collections.Counter()
        for turn in range(SPELLINGS):
            asked = speller.request()
            asked['webob.adhoc_attrs'] = {'context': self.context}
            outer, ours, bare = pipelines[turn % 2]
            said = (outer, {name: value for name, value in asked.items()
                            if name.isupper()})
            self.asked = []
            try:
                found = bare.ask(spellings.copied(asked))
            except Exception as exc:
                found = type(exc)  # Glance has no answer to it
            try:
                answered = ours.ask(spellings.copied(asked))
            except Exception as exc:
                self.assertEqual(found, type(exc), said)
                answered = 0, None
            reached[self.check(said, found, *answered)] += 1
        for what in (*GUARDED.values(), 'refused', 'ours', 'Glance', 'none'):
            self.assertGreater(reached[what], SPELLINGS // 100, reached)

    def check(self, said, found, status, through):
        """See what became of a request; return a word for it."""
        if through is None:
            if status == 400:
                return 'refused'
            if status == OURS:
                return 'ours'
            # Without us, Glance would have called nothing either.
            self.assertTrue(isinstance(found, type) or not found[1]
                            or found[1][1] == 'get_image_import', said)
            return 'none'
        self.assertEqual(found, (status, through), said)
        controller, action, arguments = through
        self.assertNotEqual('get_image_import', action, said)
        guard = GUARDED.get((controller, action))
        if guard is None:
            return 'Glance'
        found = [each for each in self.asked if each[0] == guard]
        if guard == 'delete':
            if len(arguments['image_id'].rstrip(' ')) == 36:
                self.assertEqual(arguments['image_id'].rstrip(' '),
                                 found[0][1], said)
        else:
            self.assertEqual(1, len(found), said)
        return guard


#: Other methods and paths for a POST, as a client writes them.
POSTS = (
    ('POST', '{}'), ('POST', '/{}'), ('POST', '//{}'), ('POST', '{}%0A'),
    ('POST', '{}/'), ('POST', '{}//'), ('PUT', '{}?_method=POST'),
    ('GET', '{}?_method=post'), ('PATCH', '{}?a=1;_method=POST'),
    ('POST', '{}?_method=POST'), ('PUT', '{}?a=_method&%5fmethod=POST'),
    ('POST', '{}%20'), ('DELETE', '//{}%0A?_method=POST'),
)
OLDER = venvs.ROOT / 'etc' / 'paste.d' / 'glance-api-paste-pipeline.ini'


class OlderForm(glance.Glance):
    """One whose ini has a pipeline for every flavour."""

    def prepare(self):
        super().prepare()
        path = self.directory / 'etc' / 'glance-api-paste.ini'
        path.write_text(settings.paste(OLDER.read_text(), True, False))


class ServedTest(cases.HashCase):
    """A real server, which no spelling leads to what the plain one does not.
    """

    arguments = {'config': {'glance_ext': {'image_id_reuse_guard': True}}}

    def spellings(self, path):
        for method, spelling in POSTS:
            for each in (path, path.replace('/v2/', '/v2//')):
                yield method, spelling.format(each)

    def ask(self, path, body, refusals=(400, 404, 405)):
        """Send a body in every spelling, and see that each is refused."""
        for method, spelling in self.spellings(path):
            answer = self.glance.request(method, spelling, body)
            self.assertIn(answer.status, refusals, f'{method} {spelling}')

    def count(self):
        return tuple(self.glance.sql('select count(*) from tasks')[0])

    def test_a_task_that_looks_like_an_action(self):
        before = self.count()
        for kind in ('api_image_import', 'import'):
            self.ask('/v2/tasks', {'type': kind, 'input': {
                'glance_ext': {}, 'image_id': cases.ABSENT}})
        self.assertEqual(before, self.count())

    def test_an_id_that_was_used(self):
        image = str(uuid.uuid4())
        file = self.glance.store_file('slow', image)
        file.write_bytes(b'data')
        self.addCleanup(file.unlink)
        self.ask('/v2/images', {'id': image}, (400, 404, 405, 409))
        self.expect(404, self.get(f'/v2/images/{image}'))

    def test_a_download_from_where_none_is_allowed(self):
        image = self.glance.create()['id']
        self.ask(f'/v2/images/{image}/import', {'method': {
            'name': 'web-download', 'uri': 'http://a:b@127.0.0.1:1/x'}})
        self.assertEqual('queued', self.glance.image(image)['status'])
        self.assertEqual([], self.glance.tasks(image))

    def test_a_copy_is_always_made_by_us(self):
        image = self.glance.upload(b'data', stores=['fast'])
        for method, spelling in self.spellings(f'/v2/images/{image}/import'):
            answer = self.glance.request(method, spelling, {
                'method': {'name': 'copy-image'}, 'stores': ['slow']})
            if answer.status == 202:
                self.succeeded(self.ended(answer.json['id']))
        found = self.glance.tasks(image)
        self.assertEqual(1, len(found))
        self.glance.action(found[0]['id'])


class ServedInOlderFormTest(ServedTest):
    @classmethod
    def setUpClass(cls):
        cls.own = OlderForm(**cls.arguments).start()
        cls.addClassCleanup(cls.own.stop)

    def setUp(self):
        self.glance = self.own
