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
"""Lists, a page at a time, as Glance pages its own."""

from collections.abc import Callable, Iterable, Mapping
import re
from typing import Any, NamedTuple, NoReturn
from urllib import parse

from oslo_config import cfg
from oslo_utils import uuidutils
import webob.exc

from glance_ext.actions import node
from glance_ext.actions import record
from glance_ext.host import wsgi

#: After so many rows, or as many as a page may have entries where that is
#: more, no other rows are looked at for it.
_MOST_LOOKED_AT = 200

#: Tells whether a filter may have a value.
Check = Callable[[str], bool]


class Page(NamedTuple):
    """What a caller wants to see of a list.

    ``limit`` is never more than Glance's ``api_limit_max``; ``marker`` is
    the id of the entry before the first one; ``query`` is what was asked
    for but the marker.
    """

    limit: int
    marker: str | None
    filters: dict[str, str]
    query: dict[str, str]

    def links(self, path: str, last: str | None) -> dict[str, str]:
        """Return the list's ``first``, and ``next`` where it goes on.

        :param last: the id of the last entry, unless the list ends there
        """
        links = {'first': _path(path, self.query)}
        if last:
            links['next'] = _path(path, {**self.query, 'marker': last})
        return links


def read(request: wsgi.Request, checks: Mapping[str, Check]) -> Page:
    """Return the page that the request's query asks for.

    :param checks: the filters that there are
    :raises webob.exc.HTTPBadRequest: an unknown filter, or a bad value
    """
    # A name that stands there twice has a list.
    query: dict[str, Any] = request.GET.mixed()
    marker = query.pop('marker', None)
    filters = {name: value for name, value in query.items()
               if name != 'limit'}
    for name, value in filters.items():
        if name not in checks:
            raise webob.exc.HTTPBadRequest(
                explanation=f'There is no filter {ascii(name)[:80]}; use one '
                            f'of: {", ".join(sorted(checks))}')
        if not isinstance(value, str) or not checks[name](value):
            raise webob.exc.HTTPBadRequest(
                explanation=f'The value of the filter {name} is not valid.')
    if marker is not None and not uuidutils.is_uuid_like(marker):
        refuse_marker()
    return Page(_limit(query.get('limit')), marker, filters, query)


def fill(page: Page, stretches: Iterable[node.Stretch],
         shown: Callable[[list[record.Action]], list[record.Action]]
         ) -> tuple[list[record.Action], str | None]:
    """Return what a page shows, and the marker of the next page, if any.

    A page that few of the rows belong to is not searched for without end: it
    has what was found, perhaps nothing, and the next one goes on.

    :param shown: returns those of some actions that this caller may see
    """
    found: list[record.Action] = []
    looked_at = 0
    for stretch in stretches:
        found += shown(stretch.actions)
        if len(found) > page.limit:
            entries = found[:page.limit]
            return entries, entries[-1].id if entries else None
        looked_at += stretch.looked_at
        if looked_at >= max(page.limit, _MOST_LOOKED_AT):
            return found, stretch.last
    return found, None


def refuse_marker() -> NoReturn:
    """Say that there is nothing with the id ``marker`` for this caller."""
    raise webob.exc.HTTPBadRequest(explanation='marker names nothing here.')


def _limit(asked: Any) -> int:
    conf = cfg.CONF
    if asked is None:
        wanted: int = conf.limit_param_default
    elif isinstance(asked, str) and re.fullmatch('[0-9]{1,18}', asked):
        wanted = int(asked)
    else:
        raise webob.exc.HTTPBadRequest(
            explanation='limit has to be an integer, 0 or more.')
    return min(wanted, int(conf.api_limit_max))


def _path(path: str, query: dict[str, str]) -> str:
    return f'{path}?{parse.urlencode(query)}' if query else path
