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


"""The image servers: where they are, and how often they are asked."""

from collections.abc import Callable, Iterator
import itertools
import random
from typing import Any, NoReturn

from keystoneauth1 import adapter
from keystoneauth1 import exceptions
from keystoneauth1 import loading
from keystoneauth1 import session
from keystoneauth1 import token_endpoint
from keystoneauth1.access import service_catalog
from oslo_config import cfg
from oslo_log import log
import tenacity

from glance_ext.compat import errors
from glance_ext.compat import options

LOG = log.getLogger(__name__)

#: Seconds between two attempts.
PAUSE = 1.0

#: Whose endpoints are looked for in a catalog, where no option says so.
INTERFACES = ['internal', 'public']

_UNREACHABLE = (exceptions.ConnectionError, OSError)


class Servers:
    """What the image services send their requests through.

    :param endpoint: the one server to ask, without a version; those of the
        options or of the caller's service catalog when None.
    """

    def __init__(
        self, endpoint: str | None = None, conf: cfg.ConfigOpts = cfg.CONF
    ) -> None:
        options.register_opts(conf)
        self._conf = conf[options.GROUP]
        self._endpoint = endpoint
        self._turns: Iterator[str] | None = None
        self._session: session.Session = (
            loading.load_session_from_conf_options(conf, options.GROUP)
        )

    def request(
        self,
        context: Any,
        method: str,
        path: str,
        again: Callable[[], bool] = lambda: True,
        **how: Any,
    ) -> Any:
        """Return the answer to a request, whatever its status but 503.

        It is a response of the library requests.

        :param context: whose request it is: an oslo.context, of which
            ``auth_token`` and ``service_catalog`` are used.
        :param again: whether the request can be sent once more; asked
            before another attempt.
        :param how: as for ``keystoneauth1.session.Session.request``.
        :raises GlanceConnectionFailed: when no attempt was answered, or
            nobody says where the servers are
        """
        attempts = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(1 + self._conf.num_retries),
            wait=tenacity.wait_fixed(PAUSE),
            retry=tenacity.retry_if_exception(
                lambda error: isinstance(error, _Unanswered) and again()
            ),
            reraise=True,
        )
        try:
            return attempts(self._send, context, method, path, how)
        except _Unanswered as error:
            raise errors.GlanceConnectionFailed(str(error)) from error

    def _send(
        self, context: Any, method: str, path: str, how: dict[str, Any]
    ) -> Any:
        endpoint = self.next(context)
        token = getattr(context, 'auth_token', None)
        client = adapter.Adapter(
            self._session,
            auth=token_endpoint.Token(endpoint, token),
            endpoint_override=endpoint,
            user_agent='glance-ext',
            global_request_id=getattr(context, 'global_id', None),
        )
        try:
            answer = client.request(
                path,
                method,
                raise_exc=False,
                redirect=False,
                authenticated=token is not None,
                **how,
            )
        except _UNREACHABLE as error:
            # Its words repeat the whole URL.
            _unanswered(endpoint, method, type(error).__name__)
        if answer.status_code == 503:
            _unanswered(endpoint, method, 'it answers 503')
        return answer

    def next(self, context: Any) -> str:
        """Return the server whose turn it is, without a slash at its end.

        :raises GlanceConnectionFailed: when nobody says where one is
        """
        if self._endpoint:
            return self._endpoint.rstrip('/')
        if self._turns is None and self._conf.api_servers:
            servers = list(self._conf.api_servers)
            random.shuffle(servers)
            self._turns = itertools.cycle(servers)
        if self._turns is not None:
            return next(self._turns).rstrip('/')
        found = self._conf.endpoint_override or self._of_catalog(context)
        if not found:
            raise errors.GlanceConnectionFailed(
                'neither [glance] api_servers nor the service catalog of the '
                'caller says where Glance is'
            )
        return found.rstrip('/')

    def _of_catalog(self, context: Any) -> str | None:
        catalog = getattr(context, 'service_catalog', None) or []
        try:
            url = service_catalog.ServiceCatalogV2(catalog).url_for(
                service_type=self._conf.service_type or 'image',
                interface=self._conf.valid_interfaces or INTERFACES,
                region_name=self._conf.region_name,
            )
        except exceptions.CatalogException:
            return None
        if url is None:
            return None
        # Catalogs had the version in them once, and some still do.
        head, _, tail = url.rstrip('/').rpartition('/')
        return head if tail in ('v1', 'v2') else url


class _Unanswered(Exception):
    """An attempt that another one may follow."""


def _unanswered(endpoint: str, method: str, reason: str) -> NoReturn:
    LOG.warning('image server %s: %s failed: %s', endpoint, method, reason)
    raise _Unanswered(f'image server {endpoint}: {reason}')


def parse_reference(reference: str) -> tuple[str | None, str]:
    """Return the endpoint, if one is named, and the id of an image.

    :param reference: an id, or a URL that ends in ``/VERSION/images/ID``.
    :raises InvalidImageRef: it is neither
    """
    if '/' not in reference:
        return None, reference
    endpoint, *rest = reference.rsplit('/', 3)
    if len(rest) != 3 or rest[1] != 'images' or '://' not in endpoint:
        raise errors.InvalidImageRef(f'no image reference: {reference}')
    return endpoint, rest[2]
