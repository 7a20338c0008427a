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
"""Requests, one after the other, to where the rules let them go."""

from collections.abc import Iterable, Mapping
import http.client
import re
import time
from typing import Any
from urllib import parse

from glance_ext import errors
from glance_ext.transfer import http_answer
from glance_ext.transfer import wire
from glance_ext.transfer.destinations import Rules
from glance_ext.transfer.destinations import Target
from glance_ext.transfer.http_answer import Answer
from glance_ext.transfer.http_answer import Overhead

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
#: Worth asking again, beside all that is the server's own fault.
_BUSY = frozenset({408, 425, 429})
#: Nobody is waited for longer than this, in seconds, whatever they want.
_LONGEST_WAIT = 300.0


class Route:
    """The way to a file: a URI, and where its redirects lead.

    :param name: how messages call the server. Nothing else of the URI, and
        nothing of a redirect, is in a message
    :param headers: sent with each request, also where a redirect leads
    """

    def __init__(self, url: str, rules: Rules,
                 headers: Mapping[str, str] | None = None) -> None:
        self.rules = rules
        self.headers = headers or {}
        self.url = url
        self.name = f'the server {rules.parse(url).host}'
        self.overhead = Overhead(self.name)
        #: Where the last redirect led, once that is known.
        self.end: Target | None = None

    def begin(self) -> Target:
        """:raises errors.DestinationRefused: it is no longer allowed"""
        return self.rules.check(self.url)

    def redirect(self, target: Target, location: str | None) -> Target:
        """Return where ``location``, an answer of ``target``, leads.

        :raises errors.DestinationRefused: the rules say no
        """
        if not location or not re.fullmatch('[!-~]+', location):
            raise errors.RemoteRefused(
                f'{self.name} redirects to what is no URI')
        try:
            found = self.rules.check(parse.urljoin(target.url, location))
        except errors.DestinationRefused as exc:
            raise errors.DestinationRefused(
                f'a redirect is {exc.message}') from None
        except ValueError:
            raise errors.RemoteRefused(
                f'{self.name} redirects to what is no URI') from None
        if (target.scheme, found.scheme) == ('https', 'http'):
            raise errors.DestinationRefused(
                'a redirect is refused: it leads from https to http')
        return found


class Line:
    """A connection that is kept for the next request.

    :param check: see :class:`wire.Wire`
    """

    def __init__(self, route: Route, transport: wire.Transport,
                 check: wire.Check) -> None:
        self._route = route
        self._transport = transport
        self._check = check
        self._target: Target | None = None
        self._wire: wire.Wire | None = None
        self._stays = False

    def get(self, headers: Mapping[str, str]) -> Answer:
        """Ask for the file, and follow redirects.

        :returns: an answer of status 200, 206 or 416
        :raises errors.RemoteUnavailable: nothing came of it this time
        :raises errors.RemoteRefused: nothing will
        :raises errors.DestinationRefused: a redirect leads where it must not
        """
        end = self._route.end
        if end is not None:
            try:
                return self._require(self._ask(end, 'GET', headers))
            except errors.RemoteRefused:
                # What signs a redirect expires.
                self.close()
            except errors.RemoteUnavailable:
                self._route.end = None
                raise
        target = self._route.begin()
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._ask(target, 'GET', headers)
            if answer.status not in _REDIRECTS:
                self._require(answer)
                self._route.end = target
                return answer
            self.close()
            target = self._route.redirect(
                target, answer.headers.get('location'))
        raise errors.RemoteRefused(
            f'{self._route.name} redirects more than {_MOST_REDIRECTS} times')

    def put(self, headers: Mapping[str, str], body: Iterable[bytes]
            ) -> Answer:
        """Send ``body``, and return the answer. No redirect is followed."""
        return self._ask(self._route.begin(), 'PUT', headers, body)

    def finish(self) -> None:
        """Be done with an answer that was read to its end.

        :raises errors.ShortRead: more bytes follow than it was said to have
        """
        if self._wire is not None and self._wire.has_more(not self._stays):
            raise errors.ShortRead(
                f'{self._route.name} gave more bytes than it said')

    def close(self) -> None:
        """Hang up. May be called more than once."""
        if self._wire is not None:
            self._wire.hang_up()
        self._wire = None

    def _ask(self, target: Target, method: str, headers: Mapping[str, str],
             body: Iterable[bytes] | None = None) -> Answer:
        if self._wire is not None and self._stays and self._target == target:
            try:
                return self._send(self._wire, target, method, headers, body)
            except errors.RemoteTimeout:
                raise
            except errors.RemoteUnavailable:
                # Connections that nobody used for a while may be gone.
                pass
        self.close()
        self._target = target
        self._wire = wire.connect(target, self._transport, self._check,
                                  self._route.name)
        return self._send(self._wire, target, method, headers, body)

    def _send(self, to: wire.Wire, target: Target, method: str,
              headers: Mapping[str, str], body: Iterable[bytes] | None
              ) -> Answer:
        proxy, path = self._transport.proxy, target.path
        headers = {'Host': target.netloc, 'User-Agent': 'glance-ext',
                   'Accept-Encoding': 'identity', **self._route.headers,
                   **headers}
        if proxy is not None and target.scheme == 'http':
            path = f'http://{wire.authority(target)}{path}'
            headers |= proxy.headers
        connection: Any = http.client.HTTPConnection(target.host, target.port)
        connection.sock = to
        to.begin()
        with wire.translated(self._route.name):
            try:
                connection.request(method, path, body=body, headers=headers)
            except (BrokenPipeError, ConnectionResetError):
                # Who has seen enough may have said why.
                pass
            answer = Answer(to.reader, self._route.overhead)
        self._stays = not answer.will_close
        return answer

    def failure(self, answer: Answer) -> errors.ActionError:
        """Return what an answer means that is none of the wanted ones."""
        status = answer.status
        message = f'{self._route.name} answered {status}'
        if status < 500 and status not in _BUSY:
            refusal = errors.RemoteRefused(message)
            refusal.status = status
            return refusal
        cause = errors.RemoteUnavailable(message)
        cause.status = status
        cause.retry_after = _seconds(answer.headers.get('retry-after', ''))
        return cause

    def _require(self, answer: Answer) -> Answer:
        if answer.status not in (200, 206, 416):
            self.close()
            raise self.failure(answer)
        return answer


def _seconds(text: str) -> float:
    """Return what a Retry-After says (RFC 9110, 10.2.3), or 0."""
    if re.fullmatch('[0-9]+', text):
        found = float(text)
    else:
        moment = http_answer.read_date(text)
        found = moment.timestamp() - time.time() if moment else 0.0
    return min(max(found, 0.0), _LONGEST_WAIT)
