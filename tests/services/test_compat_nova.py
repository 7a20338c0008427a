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

"""Nova 34 and our image service, asked the same on one Glance."""

import json
import subprocess
import unittest
import uuid

from tests.harness import compat
from tests.harness import nova_service
from tests.harness import soaking
from tests.harness import venvs
from tests.harness.users import User

ROLES = ('member', 'reader')
RAW = {'disk_format': 'raw', 'container_format': 'bare'}

# What Nova gets wrong, and the calls that show it. Each has a test of its own
# in tests/functional/test_compat_service.py.
DEFECTS = {
    'A filter by a property loses letters of its name': {
        'detail: property-os_type',
        'detail: property-other',
    },
    'A write turns shared and community images into private ones': {
        'show: what was shared, afterwards',
        'show: what is of the community, afterwards',
    },
    'A purge removes properties that are reserved for Glance': {
        'update: an image with a location',
    },
    'is_public None fails, and False means private alone': {
        'detail: is_public None',
        'detail: is_public false',
        'detail: is_public 0',
    },
    'A property named like a base attribute wins or fails': {
        'create: shadowed name',
        'create: shadowed owner',
        'create: shadowed size',
        'create: checksum',
    },
    'Errors of Glance are not translated': {
        'create: a bad id',
        'create: bad format',
        'create: data of another format',
        'create: the same id',
        'create: too long a name',
        'update: data for what has some',
    },
    'A property that is None fails': {
        'create: a property None',
        'update: a property None',
    },
}
KNOWN = set().union(*DEFECTS.values())


class Run:
    """The calls of one service, with ids and projects of its own."""

    def __init__(self, name, url):
        self.name = name
        self.url = url
        self.alice, self.bob, self.carol, self.admin = (
            User(f'{name}-{who}', f'{name}-{who}', roles)
            for who, roles in (
                ('alice', ROLES),
                ('bob', ROLES),
                ('carol', ROLES),
                ('admin', ('admin', *ROLES)),
            )
        )
        self.outcomes = {}

    def id(self, name):
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f'{self.name} {name}'))

    def do(self, key, user, method, *args, **kwargs):
        outcome = self.call(user, method, [list(args), kwargs])
        text = json.dumps(nova_service.encode(outcome), sort_keys=True)
        for name in self.ids:
            text = text.replace(self.id(name), f'<{name}>')
        text = text.replace(f'{self.name}-', '')
        found = json.loads(text, object_hook=timeless)
        if key in self.outcomes:
            raise ValueError(key)
        self.outcomes[key] = found
        return outcome.get('result')

    ids: set[str] = set()

    def create(self, key, user, image, name=None, **kwargs):
        name = name or key
        self.ids.add(name)
        meta = {'id': self.id(name), 'name': name} | image
        self.do(f'create: {key}', user, 'create', meta, **kwargs)

    def update(self, key, user, name, image, **kwargs):
        self.do(f'update: {key}', user, 'update', self.id(name), image,
                **kwargs)


def timeless(value):
    return '<time>' if set(value) == {'time'} else value


class Nova(Run):
    def __init__(self, url):
        super().__init__('nova-service', url)
        python = venvs.ensure('nova') / 'bin' / 'python'
        command = ['-m', 'tests.harness.nova_service', url]
        self.process = subprocess.Popen(
            [str(python), '-W', 'ignore', *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=venvs.ROOT,
        )

    def call(self, user, method, how):
        who = [user.name, user.project, list(user.roles), user.token]
        line = json.dumps(nova_service.encode([who, method, *how]))
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()
        return nova_service.decode(json.loads(self.process.stdout.readline()))

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Ours(Run):
    def __init__(self, url):
        super().__init__('our-service', url)
        self.service = compat.service(url)

    def call(self, user, method, how):
        caller = compat.context(user)
        return nova_service.call(self.service, caller, method, how)


@soaking.soak
class NovaTest(unittest.TestCase):
    maxDiff = None

    def test_the_only_differences_are_the_defects_of_nova(self):
        glance = compat.shared()
        theirs = Nova(glance.url)
        self.addCleanup(theirs.close)
        with compat.FarAway() as web:
            for run in (theirs, ours := Ours(glance.url)):
                steps(run, glance, web.url)
        same = 0
        for key, outcome in theirs.outcomes.items():
            with self.subTest(key):
                found = ours.outcomes[key]
                same += wordless(outcome) == wordless(found)
                if key in KNOWN:
                    self.assertNotEqual(wordless(outcome), wordless(found))
                else:
                    self.assertEqual(wordless(outcome), wordless(found),
                                     (outcome, found))
        print(f'{same} of {len(theirs.outcomes)} calls have one outcome')


def wordless(outcome):
    return {n: v for n, v in outcome.items() if n != 'words'}


def steps(run, glance, far):
    """Make all calls; everything is of the run's own projects."""
    alice, bob, admin = run.alice, run.bob, run.admin
    carol = run.carol  # whose images nobody lists
    create, update, do = run.create, run.update, run.do
    create('a name', alice, {})
    create('formats', alice, RAW)
    create('data', alice, RAW, data=b'0123456789')
    create('more', alice, RAW | {
        'min_ram': '64', 'min_disk': 1, 'protected': False,
        'is_public': False, 'size': 10,
        'properties': {'os_type': 'linux', 'other': 'x', 'abc': 'y',
                       'number': 7, 'flag': True}}, data=b'data')
    create('structures', alice, RAW | {'properties': {
        'block_device_mapping': [{'device': 'vda', 'size': None}],
        'mappings': [{'a': 'b'}]}})
    create('no kernel', alice, RAW | {'properties': {
        'kernel_id': 'None', 'ramdisk_id': ''}})
    create('size 0', alice, {'size': 0})
    create('size 0 and formats', alice, RAW | {'size': 0})
    create('size 0 and qcow2', alice, {
        'size': 0, 'disk_format': 'qcow2', 'container_format': 'bare'})
    create('public by a member', alice, RAW | {'is_public': True})
    create('public', admin, RAW | {'is_public': True}, data=b'public')
    create('instance owner', alice, RAW | {'properties': {
        'instance_owner': bob.project}}, data=b'shared')
    create('protected', alice, RAW | {'protected': True})
    create('bad format', carol, {'disk_format': 'bad'})
    create('too long a name', carol, {'name': 'x' * 256})
    create('a bad id', carol, {'id': 'bad'})
    create('the same id', carol, {'id': run.id('data')})
    create('data of another format', carol, {
        'disk_format': 'qcow2', 'container_format': 'bare'}, data=b'raw')
    create('shadowed name', carol, {'properties': {'name': 'inner'}})
    run.ids.add('first')
    do('create: shadowed name, first', carol, 'create', {
        'properties': {'name': 'inner'}, 'id': run.id('first'),
        'name': 'outer'})
    create('shadowed owner', carol, {'properties': {'owner': 'x'}})
    create('shadowed size', carol, {'properties': {'size': '1'}})
    create('checksum', carol, {'checksum': '0' * 32})
    create('a property None', carol, {'properties': {'a': None}})
    create('status and times', alice, {
        'status': 'active', 'created_at': 'x', 'deleted': True,
        'deleted_at': None, 'updated_at': None})
    create('a location', alice, RAW | {'location': far + '/x'})
    create('a file as location', alice, RAW | {'location': 'file:///x'})
    create("another's", bob, RAW | {'properties': {'os_type': 'linux'}},
           data=b'x')

    for name in ('data', 'more', 'structures', 'no kernel', 'size 0',
                 'instance owner', 'public', "another's", 'absent'):
        run.ids.add(name)
        do(f'show: {name}', alice, 'show', run.id(name))
        do(f'show: {name} for bob', bob, 'show', run.id(name))
    do('show: no id', alice, 'show', 'bad')
    do('show: with locations', alice, 'show', run.id('data'),
       include_locations=True)
    do('show: not deleted', alice, 'show', run.id('data'),
       show_deleted=False)

    for key, filters in (
        ('none', {}),
        ('name', {'name': 'data'}),
        ('no such name', {'name': 'absent'}),
        ('status', {'status': 'active'}),
        ('queued', {'status': 'queued'}),
        ('disk_format', {'disk_format': 'raw'}),
        ('min_ram', {'min_ram': '64'}),
        ('min_ram of no sense', {'min_ram': 'x'}),
        ('size_min', {'size_min': '5'}),
        ('size_min of no sense', {'size_min': 'x'}),
        ('changes-since', {'changes-since': '2000-01-01T00:00:00Z'}),
        ('changes-since late', {'changes-since': '2999-01-01T00:00:00Z'}),
        ('changes-since of no sense', {'changes-since': 'x'}),
        ('property-os_type', {'property-os_type': 'linux'}),
        ('property-other', {'property-other': 'x'}),
        ('property-abc', {'property-abc': 'y'}),
        ('property-absent', {'property-absent': 'y'}),
        ('is_public None', {'is_public': None}),
        ('is_public none', {'is_public': 'none'}),
        ('is_public false', {'is_public': 'false'}),
        ('is_public 0', {'is_public': '0'}),
        ('visibility', {'visibility': 'private'}),
        ('visibility of no sense', {'visibility': 'x'}),
    ):
        own = {'owner': alice.project} | filters
        do(f'detail: {key}', alice, 'detail', filters=own)
    mine = {'owner': alice.project}
    for key, params in (
        ('limit', {'limit': 2}),
        ('limit and page_size', {'limit': 3, 'page_size': 2}),
        ('page_size', {'page_size': 2}),
        ('marker', {'marker': run.id('more')}),
        ('marker and limit', {'marker': run.id('more'), 'limit': 1}),
        ('unknown marker', {'marker': run.id('absent')}),
        ('sort_key', {'sort_key': 'name', 'sort_dir': 'asc'}),
        ('sort_key alone', {'sort_key': 'size'}),
        ('unknown sort_key', {'sort_key': 'x'}),
        ('ignored', {'offset': 3, 'x': 'y'}),
    ):
        do(f'detail: {key}', alice, 'detail', filters=dict(mine), **params)

    update('name', alice, 'data', {'name': 'new'})
    update('properties', alice, 'more', {'properties': {'new': '1'}})
    update('properties, no purge', alice, 'more',
           {'properties': {'newer': '2'}}, purge_props=False)
    update('an empty update', alice, 'more', {}, purge_props=False)
    update('a purge of all', alice, 'more', {'properties': {}})
    update('min_ram', alice, 'more', {'min_ram': '7', 'min_disk': 3})
    update('min_ram of no sense', alice, 'more', {'min_ram': -1})
    update('with an id', alice, 'more', {'id': run.id('absent')})
    update('published by a member', alice, 'more', {'is_public': True})
    update('published', admin, 'more', {'is_public': True})
    update('withdrawn', admin, 'more', {'is_public': False})
    update('protected', alice, 'more', {'protected': True})
    update('not protected', alice, 'more', {'protected': False})
    update('data', alice, 'formats', {}, data=b'data')
    update('data for what has some', alice, 'data', {}, data=b'data')
    update('data without formats', alice, 'a name', {}, data=b'data')
    update("what is another's", alice, "another's", {'name': 'x'})
    update('what is public', alice, 'public', {'name': 'x'})
    update('what is absent', alice, 'absent', {'name': 'x'})
    update('a property None', alice, 'more', {'properties': {'a': None}})
    for word, visibility in (
        ('what was shared', 'shared'),
        ('what is of the community', 'community'),
    ):
        run.ids.add(word)
        image = glance.create(
            alice, id=run.id(word), name=word, visibility=visibility)
        shown = do(f'show: {word}', alice, 'show', image['id'])
        update(word, alice, word, dict(shown))
        found = glance.image(image['id'])['visibility']
        run.outcomes[f'show: {word}, afterwards'] = {'result': found}
    update('what was private', alice, 'structures', dict(
        do('show: what was private', alice, 'show', run.id('structures'))))
    run.ids.add('located')
    glance.sql(
        'insert into image_properties (image_id, name, value, created_at, '
        "deleted) values (?, 'os_glance_import_task', 'x', "
        "'2026-01-01 00:00:00', 0)", (run.id('no kernel'),))
    update('an image with a location', alice, 'no kernel',
           {'properties': {'a': 'b'}})

    for name in ('data', 'formats', 'size 0', 'a name', "another's",
                 'absent', 'public'):
        do(f'download: {name}', alice, 'download', run.id(name))
    for name in ('formats', 'absent', "another's", 'a name'):
        do(f'copy: {name}', alice, 'image_import_copy', run.id(name),
           ['bad'])
    for name in ('formats', 'formats again', 'protected', 'public',
                 "another's", 'absent'):
        do(f'delete: {name}', alice, 'delete',
           run.id(name.removesuffix(' again')))
