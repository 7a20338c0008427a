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

"""A Glance that should run glance-ext: what it offers, and its answers."""

from collections.abc import Iterator, Mapping
import functools
import re
from typing import Any, BinaryIO
from urllib import parse

from glance_ext.client import errors
from glance_ext.client import transport

_INFO = '/info/glance-ext'
_NAME = re.compile(r'[0-9A-Za-z_.-]+')


class Connection:
    """One Glance, through the library that the caller has."""

    def __init__(self, server: transport.Transport) -> None:
        self.transport = server

    @functools.cached_property
    def info(self) -> Mapping[str, Any]:
        """What the server says that it can do; asked for once."""
        try:
            body = self.transport.request('GET', _INFO).body
        except errors.Refused as error:
            if error.status == 404:
                raise _absent() from error
            raise
        if not isinstance(body, Mapping):
            raise errors.UnexpectedAnswer('The answer is no description.')
        return body

    def require(self, what: str, among: str = 'action_types') -> None:
        """Make sure that the server takes this on.

        :param what: a kind of action, or an import method
        :param among: ``action_types`` or ``import_methods``
        :raises NotOffered: it does not
        """
        offered = self.info.get(among)
        if not isinstance(offered, list) or what not in offered:
            raise errors.NotOffered(what)

    def request(
        self,
        method: str,
        path: str,
        body: transport.Body | BinaryIO | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> transport.Answer:
        """Send what only glance-ext answers.

        :raises ExtensionAbsent: the server is a Glance without it
        :raises NotOffered: it runs one that does not have the call
        """
        try:
            return self.transport.request(method, path, body, headers)
        except errors.Refused as error:
            if error.status == 404 and self._extension_is_absent():
                raise _absent() from error
            if error.status == 405:
                call = f'{method} /v2{path.partition("?")[0]}'
                raise errors.NotOffered(call) from error
            raise

    def pages(
        self, path: str, members: str, **filters: Any
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the members of a list; filters that are None are left out."""
        query = {k: v for k, v in filters.items() if v is not None}
        while True:
            asked = f'{path}?{parse.urlencode(query)}' if query else path
            try:
                body = self.request('GET', asked).body
            except errors.ExtensionAbsent:
                raise
            except errors.Refused as error:
                if error.status == 404:
                    raise errors.NotOffered(f'GET /v2{path}') from error
                raise
            found = body.get(members) if isinstance(body, Mapping) else None
            if not isinstance(body, Mapping) or not isinstance(found, list):
                raise errors.UnexpectedAnswer(f'The answer has no {members}.')
            yield from found
            following = body.get('next')
            if not isinstance(following, str):
                return
            # Of the address only what is asked for: it may name any host.
            before, query = query, dict(
                parse.parse_qsl(parse.urlsplit(following).query)
            )
            # A page may be empty and not the last; the same is no next one.
            if query == before:
                return

    def _extension_is_absent(self) -> bool:
        try:
            return self.info is None
        except errors.ExtensionAbsent:
            return True
        except errors.ClientError:
            return False


def named(answer: transport.Answer) -> str:
    """Return the id of what was accepted, by the answer's ``Location``.

    :raises UnexpectedAnswer: there is none, as from a node that does not run
        glance-ext
    """
    found = (answer.location or '').rpartition('/')[2]
    if not _NAME.fullmatch(found):
        raise errors.UnexpectedAnswer(
            'The answer does not say what was begun. Do all nodes of this '
            'Glance run glance-ext?'
        )
    return found


def quoted(name: str) -> str:
    """Return a name as a part of a path."""
    return parse.quote(name, safe='')


def _absent() -> errors.ExtensionAbsent:
    return errors.ExtensionAbsent(404, 'This Glance does not run glance-ext')
