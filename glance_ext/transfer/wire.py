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
"""A connection to one checked address that nobody waits for in vain."""

from collections.abc import Callable, Iterator, Sequence
import contextlib
from dataclasses import dataclass
import errno
import functools
import http.client
import io
import os
import socket
import ssl
import time
from typing import Any
from urllib import parse

from urllib3 import exceptions
from urllib3.util import Url
from urllib3.util import make_headers
from urllib3.util import parse_url
from urllib3.util import wait_for_write

from glance_ext import errors
from glance_ext.transfer import destinations
from glance_ext.transfer.http_answer import Answer
from glance_ext.transfer.http_answer import Overhead

#: Whoever waits for the network looks up this often, in seconds.
_LOOK_UP = 0.25
#: So many bytes have to pass within :attr:`Transport.patience`.
_QUANTUM = 64 * 1024
#: The seconds in which a server hangs up that said it would.
_GOODBYE = 1.0
#: OpenSSL's numbers for a certificate of somebody else.
_WRONG_NAME = (62, 64)

Check = Callable[[], None]


@dataclass(frozen=True)
class Proxy:
    """:ivar headers: with what the proxy wants to know of its user"""

    host: str
    port: int
    headers: dict[str, str]


@dataclass(frozen=True)
class Transport:
    """How servers are connected to. The environment has no say in it.

    :ivar proxy_url: ``http://[user:password@]host[:port]`` of a proxy, which
        is handed the checked address and not the name
    :ivar ca_file: certificates that are trusted, instead of the system's
    :ivar connect_timeout: seconds for a connection to one address, and again
        for the TLS handshake
    :ivar patience: seconds of waiting within which another 64 KiB have to
        pass, or all that is left; a server below that counts as stalled
    """

    proxy_url: str | None = None
    ca_file: str | None = None
    connect_timeout: float = 30.0
    patience: float = 60.0

    @functools.cached_property
    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_file)

    @functools.cached_property
    def proxy(self) -> Proxy | None:
        """:raises ValueError: the URL is not that of a proxy

        The error does not quote the URL, which may hold a password.
        """
        if not self.proxy_url:
            return None
        try:
            url = parse_url(self.proxy_url)
            auth = make_headers(proxy_basic_auth=parse.unquote(url.auth)
                                ) if url.auth else {}
        except (ValueError, exceptions.LocationParseError):
            url, auth = Url(), {}
        if url.scheme != 'http' or not url.host:
            raise ValueError('the proxy is not given as http://host:port')
        return Proxy(url.host.strip('[]'), url.port or 80, dict(auth))


class Wire:
    """A socket, as ``http.client`` sends to it, that keeps looking up.

    :param check: called at least every second while there is something to
        wait for; what it raises ends the waiting
    :param name: how messages call the server
    """

    def __init__(self, sock: socket.socket, check: Check, patience: float,
                 name: str) -> None:
        self._sock = sock
        self._check = check
        self._patience = patience
        self._name = name
        self._looked = time.monotonic()
        self._is_patient = True
        #: What is read ahead outlives the answer that it came behind.
        self.reader: io.BufferedReader = io.BufferedReader(
            _Raw(self), 16 * 1024)
        self.begin()

    def begin(self) -> None:
        """Forget how long the server was waited for."""
        self._waited = 0.0
        self._passed = 0

    def has_more(self, will_close: bool) -> bool:
        """Tell whether bytes came that no answer has room for.

        :param will_close: the server is about to hang up; that is waited for
        """
        self._sock.settimeout(_GOODBYE if will_close else 0.001)
        self._is_patient = False
        try:
            return bool(self.reader.peek(1))
        except OSError:
            return False
        finally:
            self._is_patient = True
            self._sock.settimeout(_LOOK_UP)

    def receive_into(self, buffer: Any) -> int:
        return self._patiently(self._sock.recv_into, buffer)

    # What http.client calls ----------------------------------------------

    def sendall(self, data: Any) -> None:
        view = memoryview(data).cast('B')
        while view:
            view = view[self._patiently(self._sock.send, view):]

    def close(self) -> None:
        """Do nothing: requests come and go, and this stays."""

    def hang_up(self) -> None:
        self._sock.close()

    def _patiently(self, work: Callable[[Any], int], data: Any) -> int:
        while True:
            began = time.monotonic()
            try:
                count = work(data)
            except TimeoutError:
                if not self._is_patient:
                    raise
                count = -1
            now = time.monotonic()
            self._waited += now - began
            self._passed += max(0, count)
            if self._passed >= _QUANTUM:
                self.begin()
            if now - self._looked >= _LOOK_UP:
                self._looked = now
                self._check()
            # Also where a byte comes now and then.
            if self._waited > self._patience and count != 0:
                raise errors.RemoteTimeout(
                    f'{self._name} is too slow: {self._passed} bytes in '
                    f'{self._waited:.0f} seconds of waiting for it, where at '
                    f'least {_QUANTUM} were expected')
            if count >= 0:
                return count


class _Raw(io.RawIOBase):
    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._wire.receive_into(buffer)


@contextlib.contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn what a connection raises into what became of it.

    :raises errors.RemoteUnavailable: another connection may do better
    """
    try:
        yield
    except (OSError, http.client.HTTPException) as exc:
        # The text may be the server's.
        cause = (errors.RemoteTimeout if isinstance(exc, TimeoutError)
                 else errors.RemoteUnavailable)
        raise cause(f'the connection to {name} failed '
                    f'({type(exc).__name__})') from exc


def connect(target: destinations.Target, transport: Transport, check: Check,
            name: str) -> Wire:
    """Connect to one of the target's addresses, through the proxy if any.

    :raises errors.RemoteUnavailable: there is no connection
    :raises errors.RemoteRefused: TLS, or the proxy, says no
    """
    proxy = transport.proxy
    context = transport.context if target.scheme == 'https' else None
    with translated(name):
        if proxy is None:
            sock = _open(target.addresses, target.port, transport, check)
        else:
            sock = _open(destinations.resolve(proxy.host, proxy.port),
                         proxy.port, transport, check)
        try:
            if context is not None:
                if proxy is not None:
                    _tunnel(Wire(sock, check, transport.patience, 'the proxy'),
                            proxy, authority(target))
                sock = _secure(sock, context, target.host, transport, check,
                               name)
            return Wire(sock, check, transport.patience, name)
        except BaseException:
            sock.close()
            raise


def authority(target: destinations.Target) -> str:
    """Return address and port, as a proxy is told them.

    An address of IPv4 is preferred, because a proxy tries no other.
    """
    address = min(target.addresses, key=lambda each: ':' in each)
    return (f'[{address}]' if ':' in address else address) + f':{target.port}'


def _open(addresses: Sequence[str], port: int, transport: Transport,
          check: Check) -> socket.socket:
    failure: OSError = OSError('no address')
    for address in addresses:
        sock = socket.socket(
            socket.AF_INET6 if ':' in address else socket.AF_INET,
            socket.SOCK_STREAM)
        try:
            until = time.monotonic() + transport.connect_timeout
            sock.setblocking(False)
            code = sock.connect_ex((address, port))
            while code == errno.EINPROGRESS:
                check()
                if time.monotonic() > until:
                    raise TimeoutError
                if wait_for_write(sock, timeout=_LOOK_UP):
                    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, os.strerror(code))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if hasattr(socket, 'TCP_NOTSENT_LOWAT'):
                # Else the kernel takes megabytes at once, and then none
                # until a third of them is sent: a slow target looks stalled.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT,
                                _QUANTUM)
            sock.settimeout(_LOOK_UP)
            return sock
        except BaseException as exc:
            sock.close()
            if not isinstance(exc, OSError):
                raise
            failure = exc
    raise failure


def _tunnel(wire: Wire, proxy: Proxy, where: str) -> None:
    lines = [f'CONNECT {where} HTTP/1.1', f'Host: {where}',
             *(f'{key}: {value}' for key, value in proxy.headers.items())]
    wire.sendall('\r\n'.join([*lines, '', '']).encode('ascii'))
    answer = Answer(wire.reader, Overhead('the proxy'), is_tunnel=True)
    if answer.status >= 500:
        raise errors.RemoteUnavailable(f'the proxy answered {answer.status}')
    if answer.status != 200:
        raise errors.RemoteRefused(f'the proxy answered {answer.status}')


def _secure(sock: socket.socket, context: ssl.SSLContext, host: str,
            transport: Transport, check: Check, name: str) -> socket.socket:
    # An end of the stream that TLS does not tell of may be a cut.
    secure = context.wrap_socket(
        sock, server_hostname=host, do_handshake_on_connect=False,
        suppress_ragged_eofs=False)
    try:
        _shake_hands(secure, transport, check)
    except BaseException as exc:
        secure.close()
        if (isinstance(exc, ssl.SSLCertVerificationError)
                and exc.verify_code in _WRONG_NAME):
            raise errors.RemoteRefused(
                f'the certificate of {name} is for another name') from exc
        if isinstance(exc, ssl.SSLCertVerificationError):
            raise errors.RemoteRefused(
                f'the certificate of {name} is not trusted: '
                f'{exc.verify_message}') from exc
        if isinstance(exc, ssl.SSLError) and not isinstance(
                exc, ssl.SSLEOFError):
            raise errors.RemoteRefused(
                f'{name} and TLS do not agree') from exc
        raise
    return secure


def _shake_hands(sock: ssl.SSLSocket, transport: Transport, check: Check
                 ) -> None:
    until = time.monotonic() + transport.connect_timeout
    while True:
        try:
            return sock.do_handshake()
        except TimeoutError:
            check()
            if time.monotonic() > until:
                raise
