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

"""The steps of ``tests.harness.v1_steps``, in their order."""

from collections.abc import Iterator

from tests.harness.users import ADMIN
from tests.harness.users import User
from tests.harness.v1_steps import WEB
from tests.harness.v1_steps import Script
from tests.harness.v1_steps import Step
from tests.harness.v1_steps import ident
from tests.harness.v1_steps import meta

ROLES = ('member', 'reader')
ALICE = User('alice', 'alices', ROLES)
BOB = User('bob', 'bobs', ROLES)
CAROL = User('carol', 'carols', ROLES)
RAW = {'disk_format': 'raw', 'container_format': 'bare'}
ABSENT = ident('absent')


def steps() -> Iterator[Step]:
    """Yield all of them, in their order."""
    script = Script()
    for part in (lists, creations, shows, changes, deletions, members, others):
        script.group = part.__name__
        part(script)
    yield from script.steps


def lists(do: Script) -> None:
    do.post('with data', ALICE, meta('a1', **RAW, min_ram=64, min_disk=1,
            p_os_type='linux', p_distro='x'), b'0123456789')
    do.post('queued', ALICE, meta('a2', disk_format='qcow2',
            container_format='ovf', protected='True'))
    do.post('public', ADMIN, meta('p1', **RAW, is_public='True'), b'public')
    do.post("another's", BOB, meta('b1', **RAW, p_os_type='linux'), b'bob')
    do.post('to be shared', BOB, meta('b2', **RAW), b'shared')
    do('share it', BOB, 'PUT', f'/images/{ident("b2")}/members/alices')
    for path in ('', '/', '/images', '/images/detail'):
        do(f'{path} by its owner', ALICE, 'GET', path)
    do('by another', BOB, 'GET', '/images/detail')
    do('by a stranger', CAROL, 'GET', '/images/detail')
    do('by an administrator', ADMIN, 'GET', '/images/detail')
    for value in ('None', 'True', 'False', '1', '0', 'bad', ''):
        for user in (ADMIN, ALICE):
            do(f'is_public={value} by {user.name}', user, 'GET',
               f'/images?is_public={value}')
    for query in (
        'name=a1', 'name=none', 'name=', 'status=active', 'status=queued',
        'status=bad', 'container_format=bare', 'container_format=ovf',
        'disk_format=raw', 'disk_format=qcow2', 'min_ram=64', 'min_ram=0',
        'min_ram=bad', 'min_ram=-1', 'min_disk=1', 'size_min=7', 'size_max=7',
        'size_min=7&size_max=100', 'size_min=bad', 'size_max=-1',
        'protected=True', 'protected=False', 'protected=1', 'protected=bad',
        'protected=None', 'property-os_type=linux', 'property-os_type=x',
        'property-distro=x', 'property-distro=x&name=a1',
        'property-absent=x', 'property-name=a1', 'unknown=x',
        'changes-since=2000-01-01T00:00:00Z',
        'changes-since=2999-01-01T00:00:00Z', 'changes-since=bad',
        'owner=bobs', 'name=a1&status=active', 'name=a1&status=queued',
        'name=a1&name=a2',
    ):
        do(query, ALICE, 'GET', f'/images?{query}')
    for key in ('name', 'status', 'container_format', 'disk_format', 'size',
                'id', 'created_at', 'updated_at', 'owner', ''):
        do(f'sort_key={key}', ALICE, 'GET', f'/images?sort_key={key}')
    for key in ('name', 'size', 'created_at'):
        for way in ('asc', 'desc'):
            do(f'sort_key={key}&sort_dir={way}', ALICE, 'GET',
               f'/images?sort_key={key}&sort_dir={way}')
    do('sort_dir=bad', ALICE, 'GET', '/images?sort_dir=bad')
    for limit in ('0', '1', '2', '1000000', '-1', 'bad', ''):
        do(f'limit={limit}', ALICE, 'GET', f'/images?limit={limit}')
    for marker in (ident('b2'), ident('p1'), ident('b1'), ABSENT, 'bad', ''):
        do(f'marker={marker}', ALICE, 'GET',
           f'/images?sort_key=created_at&marker={marker}')
    do('marker and limit', ALICE, 'GET',
       f'/images/detail?limit=1&marker={ident("b2")}')


def creations(do: Script) -> None:
    do.post('an id', CAROL, {'x-image-meta-id': ident('c-id')})
    do.post('a name', CAROL, meta('c-name'))
    do.post('formats', CAROL, meta('c-formats', **RAW))
    do.post('data', CAROL, meta('c-data', **RAW), b'data')
    do.post('size and data', CAROL, meta('c-size', **RAW, size=4), b'data')
    do.post('checksum', CAROL, meta('c-sum', **RAW,
            checksum='8d777f385d3dfec8815d20f7496026dc'), b'data')
    do.post('wrong checksum', CAROL,
            meta('c-bad-sum', **RAW, checksum='0' * 32), b'data')
    do.post('wrong size', CAROL, meta('c-bad-size', **RAW, size=5), b'data')
    do.post('long checksum', CAROL,
            meta('c-long-sum', **RAW, checksum='0' * 33))
    do.post('size 0', CAROL, meta('c-zero', size=0))
    do.post('size 0 with formats', CAROL, meta('c-zero-raw', **RAW, size=0))
    do.post('size without data', CAROL, meta('c-announced', **RAW, size=7))
    for name, value in (('min_ram', 'x'), ('min_disk', '-1'), ('size', 'x'),
                        ('size', '-1'), ('min_ram', '-5'), ('min_disk', 'x')):
        do.post(f'{name} {value}', CAROL, meta('c-num', **{name: value}))
    for kind in ('aki', 'ari', 'ami'):
        do.post(f'{kind} as disk', CAROL,
                meta(f'c-{kind}-d', disk_format=kind))
        do.post(f'{kind} as container', CAROL,
                meta(f'c-{kind}-c', container_format=kind))
    do.post('mixed Amazon', CAROL, meta('c-mixed', disk_format='aki',
            container_format='bare'))
    do.post('mixed Amazons', CAROL, meta('c-mixed', disk_format='aki',
            container_format='ari'))
    do.post('bad disk', CAROL, meta('c-bad', disk_format='bad'))
    do.post('bad container', CAROL, meta('c-bad', container_format='bad'))
    do.post('empty disk', CAROL, meta('c-bad', disk_format=''))
    do.post('data without formats', CAROL, meta('c-nofmt'), b'data')
    do.post('data without disk', CAROL,
            meta('c-nodisk', container_format='bare'), b'data')
    do.post('data of no type', CAROL, meta('c-type', **RAW), b'data',
            **{'Content-Type': 'text/plain'})
    do.post('a long name', CAROL, meta('') | {
        'x-image-meta-name': 'x' * 255, 'x-image-meta-id': ident('c-255')})
    do.post('too long a name', CAROL, {'x-image-meta-name': 'x' * 256})
    do.post('unknown header', CAROL, meta('c-unknown', colour='red'))
    do.post('properties', CAROL, meta('c-props', p_Mixed_Case='Kept',
            **{'p_with-dash': 'x', 'p_empty': '', 'p_p': '100%',
               'p_long': 'x' * 1000}))
    do.post('the same id', CAROL, meta('c-data'))
    do.post('the same name', CAROL, {'x-image-meta-name': 'c-data',
            'x-image-meta-id': ident('c-same')})
    do.post('bad id', CAROL, {'x-image-meta-id': 'bad'})
    do.post('is_public', CAROL, meta('c-public', is_public='True'))
    do.post('is_public False', CAROL, meta('c-private', is_public='False'))
    do.post('is_public of no sense', CAROL, meta('c-nosense', is_public='x'))
    do.post('protected', CAROL, meta('c-protected', protected='True'))
    do.post('owner by a member', CAROL, meta('c-owner', owner='bobs'))
    do.post('owner by an administrator', ADMIN, meta('c-owned',
            owner='carols'))
    do.post('status', CAROL, meta('c-status', status='active'))
    for name in ('created_at', 'updated_at'):
        do.post(f'{name} of no sense', CAROL, meta('c-t', **{name: 'x'}))
        do.post(f'old {name}', CAROL,
                meta('c-t', **{name: '1899-01-01T00:00:00Z'}))
    do.post('a store that is none', CAROL, meta('c-store', **RAW,
            store='bad'), b'data')
    do.post('location', CAROL, meta('c-loc', **RAW, location=f'{WEB}/x'))
    do('its data', CAROL, 'GET', f'/images/{ident("c-loc")}')
    for url in ('file:///etc/passwd', 'swift+config://a/b', 'bad', 'bad://x',
                'filesystem:///x'):
        do.post(f'location {url}', CAROL,
                meta('c-loc-bad', **RAW, location=url))
        do.post(f'copy from {url}', CAROL, meta('c-copy-bad', **RAW),
                **{'x-glance-api-copy-from': url})
    do.post('location and data', CAROL,
            meta('c-two', **RAW, location=f'{WEB}/x'), b'data')
    do.post('copy from and data', CAROL, meta('c-two2', **RAW), b'data',
            **{'x-glance-api-copy-from': f'{WEB}/x'})
    do.post('copy from', CAROL, meta('c-copy', **RAW),
            **{'x-glance-api-copy-from': f'{WEB}/x'})
    do('without a token', None, 'POST', '/images', meta('c-anonymous'))


def shows(do: Script) -> None:
    for method in ('HEAD', 'GET'):
        for image in ('a1', 'a2', 'p1', 'b1', 'b2', 'absent', 'c-zero',
                      'c-zero-raw', 'c-props', 'c-protected'):
            user = CAROL if image.startswith('c-') else ALICE
            do(f'{method} {image} by {user.name}', user, method,
               f'/images/{ident(image)}')
        do(f'{method} by an administrator', ADMIN, method,
           f'/images/{ident("b1")}')
        do(f'{method} of no id', ALICE, method, '/images/bad')
        do(f'{method} without a token', None, method,
           f'/images/{ident("a1")}')


def changes(do: Script) -> None:
    do.post('an image', CAROL, meta('u1', **RAW, p_a='1', p_b='2'), b'data')
    do.post('a queued image', CAROL, meta('u2', p_a='1'))
    do.put('nothing, which purges', CAROL, 'u2', {})
    do.put('name', CAROL, 'u1', meta(name='new', p_a='1', p_b='2'))
    do.put('a property, which purges the others', CAROL, 'u1', meta(p_c='3'))
    do.put('another without purge', CAROL, 'u1',
           meta(p_d='4') | {'x-glance-registry-purge-props': 'False'})
    do.put('the same with purge', CAROL, 'u1',
           meta(p_d='4') | {'x-glance-registry-purge-props': 'True'})
    do.put('a new value', CAROL, 'u1', meta(p_d='5'))
    do.put('min_ram and min_disk', CAROL, 'u1', meta(min_ram=5, min_disk=6))
    do.put('min_ram of no sense', CAROL, 'u1', meta(min_ram='x'))
    do.put('negative min_disk', CAROL, 'u1', meta(min_disk=-1))
    do.put('protected', CAROL, 'u1', meta(protected='True'))
    do('delete what is protected', CAROL, 'DELETE', f'/images/{ident("u1")}')
    do.put('not protected', CAROL, 'u1', meta(protected='False'))
    do.put('is_public by a member', CAROL, 'u1', meta(is_public='True'))
    do.put('is_public by an administrator', ADMIN, 'u1',
           meta(is_public='True'))
    do.put("a member's change of what is public", BOB, 'u1', meta(name='x'))
    do('show what is public', BOB, 'HEAD', f'/images/{ident("u1")}')
    do.put('not public', ADMIN, 'u1', meta(is_public='False'))
    do('hidden again', BOB, 'HEAD', f'/images/{ident("u1")}')
    do.put('owner by a member', CAROL, 'u1', meta(owner='bobs'))
    do.put('owner by an administrator', ADMIN, 'u1', meta(owner='carols'))
    do.put('id', CAROL, 'u1', {'x-image-meta-id': ABSENT})
    do.put('its own id', CAROL, 'u1', {'x-image-meta-id': ident('u1')})
    do.put('status', CAROL, 'u1', meta(status='queued'))
    do.put('its own status', CAROL, 'u1', meta(status='active'))
    do.put('size', CAROL, 'u1', meta(size=1))
    do.put('its own size', CAROL, 'u1', meta(size=4))
    do.put('checksum', CAROL, 'u1', meta(checksum='0' * 32))
    do.put('bad format', CAROL, 'u1', meta(disk_format='bad'))
    do.put('mixed formats', CAROL, 'u1', meta(disk_format='aki',
           container_format='bare'))
    do.put('unknown header', CAROL, 'u1', meta(colour='red'))
    do.put('too long a name', CAROL, 'u1', {'x-image-meta-name': 'x' * 256})
    do.put('data for what has some', CAROL, 'u1', {}, b'data')
    do.put('location for what has data', CAROL, 'u1',
           meta(location=f'{WEB}/x'))
    do.put('copy from for what has data', CAROL, 'u1',
           {'x-glance-api-copy-from': f'{WEB}/x'})
    do.put('data without formats', CAROL, 'u2', {}, b'data')
    do.put('formats', CAROL, 'u2', meta(**RAW))
    do.put('data and a property', CAROL, 'u2', meta(p_z='9'), b'data')
    do('its data', CAROL, 'GET', f'/images/{ident("u2")}')
    do.post('another queued image', CAROL, meta('u3', **RAW, p_a='1'))
    do.put('formats of a queued image', CAROL, 'u3',
           meta(disk_format='qcow2', container_format='ovf'))
    do.put('back again', CAROL, 'u3', meta(**RAW))
    do.put('location', CAROL, 'u3', meta(location=f'{WEB}/x'))
    do.put('two sources', CAROL, 'u3', meta(location=f'{WEB}/x'), b'data')
    do.put("what is another's", BOB, 'u2', meta(name='x'))
    do.put('what is absent', CAROL, 'absent', meta(name='x'))
    do.put('an image of one more', CAROL, 'c-formats', meta(name=''))


def deletions(do: Script) -> None:
    do.post('an image', CAROL, meta('d1', **RAW), b'data')
    do.post('a queued image', CAROL, meta('d2'))
    do("what is another's", BOB, 'DELETE', f'/images/{ident("d1")}')
    do('what is public', BOB, 'DELETE', f'/images/{ident("p1")}')
    do('what is protected', CAROL, 'DELETE',
       f'/images/{ident("c-protected")}')
    for image in ('d1', 'd2'):
        do(image, CAROL, 'DELETE', f'/images/{ident(image)}')
        do(f'{image} again', CAROL, 'DELETE', f'/images/{ident(image)}')
        do(f'{image} is gone', CAROL, 'HEAD', f'/images/{ident(image)}')
        do(f'{image} gets no data', CAROL, 'GET', f'/images/{ident(image)}')
    do('by an administrator', ADMIN, 'DELETE', f'/images/{ident("c-same")}')
    do('without a token', None, 'DELETE', f'/images/{ident("a1")}')
    do('what is absent', CAROL, 'DELETE', f'/images/{ABSENT}')


def members(do: Script) -> None:
    do.post('an image', CAROL, meta('m1', **RAW), b'data')
    here = f'/images/{ident("m1")}/members'
    do('none', CAROL, 'GET', here)
    do('add one', CAROL, 'PUT', f'{here}/alices')
    do('add it again', CAROL, 'PUT', f'{here}/alices')
    do('add with can_share False', CAROL, 'PUT', f'{here}/bobs',
       json={'member': {'can_share': False}})
    do('one', CAROL, 'GET', here)
    do('the image for a member', ALICE, 'HEAD', f'/images/{ident("m1")}')
    do('its data for a member', ALICE, 'GET', f'/images/{ident("m1")}')
    do('in the list of a member', ALICE, 'GET', '/images?name=m1')
    do('a change by a member', ALICE, 'PUT', f'/images/{ident("m1")}',
       meta(name='x'))
    do('deletion by a member', ALICE, 'DELETE', f'/images/{ident("m1")}')
    do('a member adds one', ALICE, 'PUT', f'{here}/others')
    do('a member removes one', ALICE, 'DELETE', f'{here}/bobs')
    do('what is shared with a member', BOB, 'GET', '/shared-images/bobs')
    do('what is shared with nobody', CAROL, 'GET', '/shared-images/carols')
    do("another's shares", CAROL, 'GET', '/shared-images/bobs')
    do('one alone', CAROL, 'GET', f'{here}/alices')
    do('remove one', CAROL, 'DELETE', f'{here}/bobs')
    do('remove it again', CAROL, 'DELETE', f'{here}/bobs')
    do('it has lost the image', BOB, 'HEAD', f'/images/{ident("m1")}')
    do('replace all', CAROL, 'PUT', here,
       json={'memberships': [{'member_id': 'bobs'}]})
    do('replaced', CAROL, 'GET', here)
    do('replace by none', CAROL, 'PUT', here, json={'memberships': []})
    do('none are left', CAROL, 'GET', here)
    do('replace by no list', CAROL, 'PUT', here, json={'x': 1})
    do('replace by no members', CAROL, 'PUT', here,
       json={'memberships': [{'x': 1}]})
    do('of what is absent', CAROL, 'GET', f'/images/{ABSENT}/members')
    do("of what is another's", BOB, 'GET', here)
    do('of what is public', BOB, 'GET', f'/images/{ident("p1")}/members')
    do('add to what is absent', CAROL, 'PUT',
       f'/images/{ABSENT}/members/alices')
    do("add to what is another's", BOB, 'PUT', f'{here}/bobs')
    do('add to what is public', BOB, 'PUT',
       f'/images/{ident("p1")}/members/bobs')
    do("remove from another's", BOB, 'DELETE', f'{here}/alices')
    do('by an administrator', ADMIN, 'PUT', f'{here}/alices')


def others(do: Script) -> None:
    image = f'/images/{ident("a1")}'
    for method, path in (
        ('PUT', '/images'), ('DELETE', '/images'), ('HEAD', '/images'),
        ('HEAD', '/images/detail'), ('POST', '/images/detail'),
        ('PUT', '/images/detail'), ('DELETE', '/images/detail'),
        ('POST', image), ('PATCH', image),
        ('POST', f'{image}/members'), ('DELETE', f'{image}/members'),
        ('POST', f'{image}/members/x'), ('HEAD', f'{image}/members/x'),
        ('GET', '/unknown'), ('GET', f'{image}/unknown'),
        ('POST', '/unknown'),
    ):
        do(f'{method} {path}', ALICE, method, path)
