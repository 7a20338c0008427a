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


"""Filters of Glance v1 and of Nova, as queries for Glance v2. Pure."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from oslo_utils import strutils

from glance_ext.compat import translate

PREFIX = 'property-'

# Filters whose value may begin with an operator in v2, such as "in:".
_OPERANDS = frozenset(
    {'name', 'id', 'status', 'container_format', 'disk_format'}
)

# Names of custom properties that v2 takes for something else in a query: its
# other parameters, and whatever else a row of images has.
_MISREAD = frozenset(
    {
        '_method',
        'changes-since',
        'delete',
        'get',
        'is_public',
        'items',
        'iteritems',
        'keys',
        'limit',
        'marker',
        'member_status',
        'metadata',
        'properties',
        'registry',
        'save',
        'sort',
        'sort_dir',
        'sort_key',
        'tag',
        'to_dict',
        'update',
        'values',
    }
)


@dataclasses.dataclass(frozen=True)
class Query:
    """What to ask v2 for, and what to look at in its answer.

    ``rest`` holds the filters, in the words of v1, that v2 cannot be asked:
    ``matches`` applies them.
    """

    params: dict[str, str]
    rest: dict[str, Any]

    def matches(self, image: Mapping[str, Any]) -> bool:
        """Whether an image of v1 is one of those that ``rest`` wants."""
        for name, value in self.rest.items():
            if name.startswith(PREFIX):
                found = image['properties'].get(name.removeprefix(PREFIX))
            else:
                found = image.get(name)
            if found != value:
                return False
        return True


def query(filters: Mapping[str, Any]) -> Query:
    """Return the query for images that all of ``filters`` select.

    ``is_public`` None (or 'none') stands for all images. A list is of
    values that are all wanted. A filter that v1 does not have is passed on.
    """
    params: dict[str, str] = {}
    rest: dict[str, Any] = {}
    for name, value in filters.items():
        if name == 'is_public':
            wanted = public(value)
            if wanted:
                params['visibility'] = 'public'
            elif wanted is not None:
                # v2 knows three kinds of images that are not public, and
                # can be asked for one of them.
                rest['is_public'] = False
        elif name == 'changes-since':
            params['updated_at'] = f'gte:{value}'
        elif name.startswith(PREFIX):
            if _is_askable(name.removeprefix(PREFIX)):
                params[name.removeprefix(PREFIX)] = str(value)
            else:
                rest[name] = str(value)
        elif isinstance(value, list):
            params[name] = 'in:' + ','.join(f'"{each}"' for each in value)
        elif name in _OPERANDS and ':' in str(value):
            if '"' in value or '\\' in value:
                rest[name] = value
            else:
                params[name] = f'in:"{value}"'
        elif isinstance(value, bool) or name in ('protected', 'os_hidden'):
            params[name] = str(value).lower()
        else:
            params[name] = str(value)
    return Query(params, rest)


def public(value: Any) -> bool | None:
    """Return what an ``is_public`` filter means; None is "either".

    :raises ValueError: it means nothing
    """
    if value is None or str(value).lower() == 'none':
        return None
    return bool(strutils.bool_from_string(value, strict=True))


def _is_askable(name: str) -> bool:
    """Whether v2 understands a filter of this name as a property's."""
    if name in translate.RESERVED or name in _MISREAD or not name:
        return False
    return not name.endswith(('_min', '_max'))
