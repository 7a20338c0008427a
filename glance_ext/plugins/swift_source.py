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

"""``swift://HOST/ACCOUNT/CONTAINER/OBJECT``, read with the caller's token.

The token goes to an object store of the caller's own catalogue and to nobody
else, and is kept by nobody: only the process that accepted the import has it.
"""

from collections.abc import Iterable, Iterator
import re
from typing import Any
from urllib import parse

from glance_ext import errors
from glance_ext.actions.run import Run
from glance_ext.host import contexts
from glance_ext.plugins import sources
from glance_ext.plugins import web_download
from glance_ext.stores.digesting import Readable
from glance_ext.transfer.destinations import Rules
from glance_ext.transfer.destinations import Target

_LOCATION = re.compile(
    r'swift://(?P<host>[A-Za-z0-9._:\[\]-]+)'
    r'/(?P<path>[^/?#]+/[^/?#]+/[!"$->@-~]+)', re.IGNORECASE)
#: What an endpoint's path has before the account.
_ROOT = re.compile(r'.*?/v1(?:\.0)?(?=/|$)')


class Swift:
    """Swift's own rules decide what the caller may read."""

    needs_token = True

    def split(self, location: str, context: contexts.Context
              ) -> sources.Location:
        matched = _LOCATION.fullmatch(location)
        if matched is None or not _is_plain(matched['path']):
            raise ValueError(
                'a swift location is swift://host/account/container/object')
        return sources.Location(location, '')

    def open(self, run: Run, location: sources.Location, most: int
             ) -> Readable:
        context = run.context
        if not context.auth_token:
            raise errors.CredentialsLost(
                'The right to read from the object store went with the '
                'process that accepted the import')
        host, _, path = location.shown[len('swift://'):].partition('/')
        endpoint = _endpoint(context, host.lower())
        if endpoint is None:
            raise errors.DestinationRefused(
                f'The host {host} is no object store of the catalogue that '
                f'came with the request')
        target, root = endpoint
        # The operator's catalogue names it, so nothing else has to; and it
        # is the only place that the token may reach.
        rules = Rules(allowed_schemes=[target.scheme],
                      allowed_hosts=[target.host],
                      allowed_ports=[target.port])
        url = f'{target.scheme}://{target.netloc}{root}/{path}'
        try:
            return sources.opened(web_download.download(
                run, url, most, rules, {'X-Auth-Token': context.auth_token}))
        except errors.RemoteRefused as exc:
            if exc.status == 401:
                raise errors.CredentialsLost(
                    'The object store does not accept the token of the '
                    'request; it may have expired') from exc
            raise


def _is_plain(path: str) -> bool:
    """Tell whether a server cannot take a path for another one."""
    account, container, _ = path.split('/', 2)
    decoded = parse.unquote(path)
    return (not {'.', '..'} & set(decoded.split('/'))
            and '/' not in parse.unquote(account + container)
            and not re.search(r'[\0-\x1f\x7f]', decoded))


def _endpoint(context: contexts.Context, host: str
              ) -> tuple[Target, str] | None:
    """Return the endpoint of a host, and the path above its accounts."""
    for url in _urls(context.service_catalog or ()):
        try:
            name = parse.urlsplit(url).hostname or ''
            target = Rules(allowed_hosts=[name]).parse(url)
        except (ValueError, errors.DestinationRefused):
            continue
        if host in (target.netloc, f'{target.host}:{target.port}'):
            root = _ROOT.match(target.path)
            return target, root[0] if root else '/v1'
    return None


def _urls(catalog: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the object stores of a catalogue as ``auth_token`` hands it on.

    Only by their public endpoints: what is open to users is theirs to ask.
    """
    for service in catalog:
        if service.get('type') == 'object-store':
            for endpoint in service.get('endpoints', ()):
                if url := endpoint.get('publicURL'):
                    yield url
