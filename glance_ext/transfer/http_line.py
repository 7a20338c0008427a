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
"""Requests over connections that lead to a checked address only."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
import http.client
import io
import socket
import ssl
import time
from typing import Any

from urllib3.util import make_headers
from urllib3.util import parse_url
from urllib3.util import wait_for_write

from glance_ext import errors
from glance_ext.transfer.destinations import Target

#: Whoever waits for the network looks up this often, in seconds.
_LOOK_UP = 0.25
#: So many bytes have to come within :attr:`Transport.patience`.
QUANTUM = 64 * 1024
#: How long to wait, in seconds, for the end of a connection that the server
#: said it would close.
_GOODBYE = 2.0

Check = Callable[[], None]


@dataclass(frozen=True)
class Transport:
    """How servers are connected to.

    :ivar proxy: ``http://[user:password@]host:port`` of a proxy that is
        handed checked addresses; nothing is read from the environment
    :ivar ca_file: certificates to trust, instead of the system's
    :ivar connect_timeout: seconds for a connection to an address, and again
        for TLS
    :ivar patience: seconds of waiting in which a server has to give or take
        64 KiB, or all there is
    """

    proxy: str | None = None
    ca_file: str | None = None
    connect_timeout: float = 30.0
    patience: float = 60.0


class Line:
    """A connection to one target, used for one request after the other.

    :param check: called at least every second while there is something to
        wait for; what it raises ends the request
    """

    def __init__(self, target: Target, transport: Transport, check: Check
                 ) -> None:
        self.target = target
        self._transport = transport
        self._check = check
        self._wire: _Wire | None = None
        self._stays = False

    def ask(self, method: str, headers: Mapping[str, str],
            body: Iterable[bytes] | None = None) -> http.client.HTTPResponse:
        """Send a request and return the answer, whatever its status.

        The one before it has to be finished: see :meth:`finish`.

        :raises errors.RemoteUnavailable: nothing came of it
        :raises errors.RemoteRefused: TLS, or the proxy, says no
        """
        if self._wire is not None and self._stays and body is None:
            try:
                return self._ask(self._wire, method, headers, body)
            except errors.RemoteTimeout:
                raise
            except errors.RemoteUnavailable:
                # A server may close an idle connection at any moment.
                pass
        self.close()
        self._wire = _connect(self.target, self._transport, self._check)
        return self._ask(self._wire, method, headers, body)

    def _ask(self, wire: '_Wire', method: str, headers: Mapping[str, str],
             body: Iterable[bytes] | None) -> http.client.HTTPResponse:
        target, proxy = self.target, _proxy(self._transport)
        headers = {'Host': target.netloc, 'User-Agent': 'glance-ext',
                   'Accept-Encoding': 'identity', **headers}
        path = target.path
        if proxy is not None and target.scheme == 'http':
            # The proxy goes by this, and gets no name to look up.
            path = f'http://{_authority(target)}{path}'
            headers |= proxy[2]
        connection: Any = http.client.HTTPConnection(target.host)
        connection.sock = wire
        wire.begin()
        with broken_as_unavailable():
            connection.request(method, path, body=body, headers=headers)
            answer: http.client.HTTPResponse = connection.getresponse()
        self._stays = not answer.will_close
        return answer

    def finish(self) -> bool:
        """End the answer that was read. False if more bytes than it came."""
        if self._wire is None:
            return True
        with broken_as_unavailable():
            return not self._wire.has_more(0.0 if self._stays else _GOODBYE)

    def close(self) -> None:
        """Hang up. May be called more than once."""
        if self._wire is not None:
            self._wire.hang_up()
        self._wire = None
