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
"""Which servers may be connected to, and at which address."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import ipaddress
import re
import socket
from urllib import parse

from urllib3 import exceptions
from urllib3.util import parse_url

from glance_ext import errors

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PORTS = {'http': 80, 'https': 443}

#: The URIs that every parser reads alike: in ASCII, without user info,
#: backslashes, blanks and controls, the host in one of three notations.
_URI = re.compile(
    r'(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://'
    r'(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)'
    r'(?::(?P<port>[1-9][0-9]{0,4}))?'
    r'(?:(?P<path>/[!"$-\[\]-~]*)(?:#[!-\[\]-~]*)?)?')
_NAME = re.compile(r'(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*'
                   r'[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?')
#: What inet_aton(3) would take for an address ends like this.
_NUMBER = re.compile(r'(?:[0-9]+|0x[0-9a-f]*)')


def _networks(*names: str) -> list[_Network]:
    return [ipaddress.ip_network(name) for name in names]


#: What an address may not be, with the word for it; the first one counts.
#: IANA's registries of special-purpose addresses (RFC 6890), and the metadata
#: services of clouds.
_REFUSED: list[tuple[str, list[_Network]]] = [
    ('a metadata', _networks(
        '169.254.169.254', '100.100.100.200', '192.0.0.192', '168.63.129.16',
        'fd00:ec2::254', 'fd20:ce::254', 'fd00:c1::a9fe:a9fe')),
    ('a loopback', _networks('127.0.0.0/8', '::1')),
    ('an unspecified', _networks('0.0.0.0/8', '::')),
    ('a link-local', _networks('169.254.0.0/16', 'fe80::/10')),
    ('a multicast', _networks('224.0.0.0/4', 'ff00::/8')),
    ('a reserved', _networks(
        '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.18.0.0/15',
        '198.51.100.0/24', '203.0.113.0/24', '240.0.0.0/4',
        '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20')),
]
_PRIVATE = _networks('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16',
                     '100.64.0.0/10', 'fc00::/7')
#: Everything else of IPv6 is reserved or has an IPv4 address inside.
_UNICAST = _networks('2000::/3', 'fc00::/7')


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, in the order of preference.

    :raises OSError: there is none, or nobody knows
    """
    return list(dict.fromkeys(
        str(found[4][0]) for found in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM)))


@dataclass(frozen=True)
class Target:
    """Where to connect to, and what to ask for there.

    :ivar scheme: ``http`` or ``https``
    :ivar host: as the server is called, in lower case; an IPv6 address is
        without its brackets
    :ivar path: of the request, with the query; it may hold secrets
    :ivar addresses: the only ones to connect to; none before
        :meth:`Rules.check`
    """

    scheme: str
    host: str
    port: int
    path: str
    addresses: tuple[str, ...] = ()

    @property
    def netloc(self) -> str:
        """The host, with the port where it is not the scheme's own."""
        host = f'[{self.host}]' if ':' in self.host else self.host
        return (host if self.port == _PORTS[self.scheme]
                else f'{host}:{self.port}')

    @property
    def url(self) -> str:
        """The normal form of the URI. It may hold secrets."""
        return f'{self.scheme}://{self.netloc}{self.path}'


@dataclass(frozen=True)
class Rules:
    """What an operator lets the servers of this host connect to.

    The lists are those of Glance's ``[import_filtering_opts]``: where a list
    allows something, only that is allowed and the list beside it that
    forbids is not looked at; an empty list allows everything. Whatever they
    say, loopback, link-local, unspecified, multicast, reserved and metadata
    addresses are refused, unless the host is in ``trusted_hosts``.

    :ivar trusted_hosts: hosts whose addresses are not judged; None stands
        for ``allowed_hosts``
    :ivar deny_private: private addresses are refused as well
    :ivar resolver: called with a host and a port, returns its addresses as
        text or raises OSError
    """

    allowed_schemes: Sequence[str] = ()
    disallowed_schemes: Sequence[str] = ()
    allowed_hosts: Sequence[str] = ()
    disallowed_hosts: Sequence[str] = ()
    trusted_hosts: Sequence[str] | None = None
    allowed_ports: Sequence[int] = ()
    disallowed_ports: Sequence[int] = ()
    deny_private: bool = False
    resolver: Callable[[str, int], Sequence[str]] = resolve

    def check(self, url: str) -> Target:
        """Return where ``url`` leads, with the addresses to connect to.

        The host is resolved once: who connects to one of these addresses
        cannot be led elsewhere by a later answer. One refused address
        refuses the host.

        :raises errors.DestinationRefused: the message quotes nothing
        :raises errors.RemoteUnavailable: the host has no address now
        """
        target = self.parse(url)
        try:
            found = ([target.host] if _address(target.host)
                     else self.resolver(target.host, target.port))
            addresses = [ipaddress.ip_address(each) for each in found]
        except (OSError, ValueError):
            addresses = []
        if not addresses:
            raise errors.RemoteUnavailable('the host has no address now')
        for address in addresses:
            self._require_public(target.host, address)
        return Target(target.scheme, target.host, target.port, target.path,
                      tuple(map(str, addresses)))

    def parse(self, url: str) -> Target:
        """Check everything that needs no name service.

        :raises errors.DestinationRefused: the message quotes nothing
        """
        target = _read(url)
        _require(target.scheme, self.allowed_schemes,
                 self.disallowed_schemes, 'the scheme is not allowed')
        if target.scheme not in _PORTS:
            raise _refused('the scheme is neither http nor https')
        _require(target.host, _hosts(self.allowed_hosts),
                 _hosts(self.disallowed_hosts), 'the host is not allowed')
        _require(target.port, self.allowed_ports, self.disallowed_ports,
                 'the port is not allowed')
        address = _address(target.host)
        if address is not None:
            self._require_public(target.host, address)
        return target

    def _require_public(self, host: str, address: _Address) -> None:
        allowed = _hosts(self.allowed_hosts)
        if host in (allowed if self.trusted_hosts is None
                    else _hosts(self.trusted_hosts)):
            return
        plain = getattr(address, 'ipv4_mapped', None) or address
        if not allowed and {str(plain), str(address)} & set(
                _hosts(self.disallowed_hosts)):
            raise _refused('the host is not allowed')
        for kind, networks in _REFUSED:
            if _is_in(plain, networks):
                raise _refused(f'the host has {kind} address')
        if plain.version == 6 and not _is_in(plain, _UNICAST):
            raise _refused('the host has a reserved address')
        if self.deny_private and _is_in(plain, _PRIVATE):
            raise _refused('the host has a private address')


def _read(url: str) -> Target:
    found = _URI.fullmatch(url)
    if found is None:
        raise _refused(_fault(url))
    scheme, host = found['scheme'].lower(), found['host'].lower()
    host = _require_host(host)
    port = int(found['port'] or _PORTS.get(scheme, 0))
    try:
        one, other = parse.urlsplit(url), parse_url(url)
        alike = (
            (one.scheme, one.port, one.username)
            == (other.scheme, other.port, other.auth)
            and _require_host(one.hostname or '') == host
            and _require_host((other.host or '').strip('[]')) == host
            and port == (one.port or port) <= 65535)
    except (ValueError, exceptions.LocationParseError):
        alike = False
    if not alike:
        raise _refused('it is not a plain URI')
    return Target(scheme, host, port, found['path'] or '/')


def _fault(url: str) -> str:
    """Return what is wrong with a URI that is none."""
    authority = re.split(r'[/?#\\]', url.partition('://')[2], maxsplit=1)[0]
    if '@' in authority:
        return 'it has user info'
    if not url.isascii():
        return 'it has characters that are not ASCII'
    return 'it is not a plain URI'


def _require_host(host: str) -> str:
    """Return the one notation of a host that is used from here on."""
    if host.startswith('[') or ':' in host:
        try:
            return str(ipaddress.IPv6Address(host.strip('[]')))
        except ValueError:
            raise _refused('the host is no address') from None
    if _address(host) is not None:
        return host
    if host.endswith('.'):
        raise _refused('the host ends in a dot')
    if _NUMBER.fullmatch(host.rpartition('.')[2]):
        raise _refused('the host is no address in its usual notation')
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise _refused('the host is neither a name nor an address')
    return host


def _require(value: str | int, allowed: Sequence[str | int],
             disallowed: Sequence[str | int], reason: str) -> None:
    if (value not in allowed) if allowed else (value in disallowed):
        raise _refused(reason)


def _hosts(names: Sequence[str]) -> list[str]:
    """Return the names in the notation that URIs are brought into."""
    return [str(_address(name.strip('[]')) or name.lower())
            for name in names]


def _address(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _is_in(address: _Address, networks: list[_Network]) -> bool:
    return any(address.version == network.version and address in network
               for network in networks)


def _refused(reason: str) -> errors.DestinationRefused:
    return errors.DestinationRefused(f'refused: {reason}')
