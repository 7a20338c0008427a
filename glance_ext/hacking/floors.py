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

"""Who may import whom: X301, X302, X303 and X306."""

from collections.abc import Iterator

from glance_ext.hacking import source

# Each package of glance_ext, with the packages of glance_ext it may import.
# Its own modules and those at the top level (errors) are open to everyone.
_BYTES = frozenset({'transfer'})
_HOST = frozenset({'conf', 'policies', 'host'})
_STORES = _BYTES | _HOST | {'stores'}
_ACTIONS = _STORES | {'actions'}
_SERVER = _ACTIONS | {'plugins'}

FLOORS: dict[str, frozenset[str]] = {
    'conf': frozenset(),
    'policies': frozenset(),
    'host': _HOST,
    'transfer': _BYTES,
    'stores': _STORES,
    'actions': _ACTIONS,
    'plugins': _SERVER,
    'api': _SERVER,
    'upkeep': _SERVER | {'upkeep'},
    'client': frozenset(),
    'osc': frozenset({'client'}),
    'cmd': frozenset(),
    'compat': frozenset(),
    'hacking': frozenset(),
    'tempest_plugin': frozenset(),
}

# transfer/ moves bytes and knows nothing of OpenStack.
_OPENSTACK = (
    'oslo_',
    'openstack',
    'os_',
    'osc_',
    'keystone',
    'glance',
    'cinder',
    'swift',
    'nova',
)
_OPENSTACK_LIBRARIES = frozenset(
    {
        'castellan',
        'cliff',
        'cursive',
        'debtcollector',
        'futurist',
        'osprofiler',
        'pbr',
        'stevedore',
        'taskflow',
        'tooz',
    }
)


def glance_only_in_host(file: source.Source) -> Iterator[source.Finding]:
    """X301: only glance_ext/host/ imports glance."""
    if not file.production or file.floor == 'host':
        return
    for found in file.imports:
        if found.root == 'glance':
            yield found.line, f'{found.name}: only host/ imports glance'


def glance_store_only_in_stores(
    file: source.Source,
) -> Iterator[source.Finding]:
    """X302: only glance_ext/stores/ and host/ import glance_store."""
    if not file.production or file.floor in ('stores', 'host'):
        return
    for found in file.imports:
        if found.root == 'glance_store':
            yield (
                found.line,
                f'{found.name}: only stores/ and host/ import glance_store',
            )


def imports_point_down(file: source.Source) -> Iterator[source.Finding]:
    """X303: imports point down; transfer/ imports nothing of OpenStack."""
    if not file.production:
        return
    if file.floor and file.floor not in FLOORS:
        yield 1, f'{file.floor}/ has no floor in glance_ext.hacking.floors'
        return
    below = FLOORS.get(file.floor, frozenset())
    for found in file.imports:
        if file.floor == 'transfer' and _is_openstack(found.root):
            yield found.line, f'{found.name}: transfer/ knows no OpenStack'
        target = _floor_of(found)
        if target in (None, file.floor) or target in below:
            continue
        # A tool of a server must start, and print its help, without it.
        if found.lazy and file.floor == 'cmd' and target != 'api':
            continue
        here = f'{file.floor}/' if file.floor else 'the top level'
        yield found.line, f'{here} must not import glance_ext.{target}'


def production_without_tests(file: source.Source) -> Iterator[source.Finding]:
    """X306: production code does not import tests."""
    if not file.production:
        return
    for found in file.imports:
        if found.root == 'tests' or '.tests' in found.name:
            yield found.line, f'{found.name}: tests in production code'


def _floor_of(found: source.Import) -> str | None:
    """The package of glance_ext that an import reaches into, if any."""
    parts = found.name.split('.')
    if parts[0] == 'glance_ext' and len(parts) > 1 and parts[1] in FLOORS:
        return parts[1]
    return None


def _is_openstack(root: str) -> bool:
    if root == 'glance_ext' or root == 'os':
        return False
    return root.startswith(_OPENSTACK) or root in _OPENSTACK_LIBRARIES
