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

"""Where the data of an image import may come from, a plugin for each scheme.

Others can be added as entry points of ``glance_ext.sources``, by the scheme
that stands before ``://``.
"""

import functools
from typing import Any, NamedTuple, Protocol

from stevedore import driver
from stevedore import exception

from glance_ext.actions.run import Run
from glance_ext.host import contexts
from glance_ext.plugins import destinations
from glance_ext.plugins import web_download
from glance_ext.stores.digesting import Readable
from glance_ext.transfer.http_source import Download

NAMESPACE = 'glance_ext.sources'


class Location(NamedTuple):
    """A location, apart from what of it nobody may see."""

    shown: str
    secret: str


class Source(Protocol):
    """One instance serves all imports of a process."""

    #: Whether it reads with the token of the request, which only the process
    #: that accepted the import has.
    needs_token: bool

    def split(self, location: str, context: contexts.Context) -> Location:
        """Check a location as far as that needs nobody else.

        :raises ValueError: it has not the right form
        :raises errors.DestinationRefused: it leads where it must not
        """

    def open(self, run: Run, location: Location, most: int) -> Readable:
        """Begin to read what lies there.

        :param most: bytes that there may be
        :raises errors.ActionError: in words for whoever wants the image
        """


@functools.cache
def load(scheme: str) -> Source | None:
    """Return the source for a scheme, or None where there is none."""
    try:
        manager: Any = driver.DriverManager(
            NAMESPACE, scheme, invoke_on_load=True,
            warn_on_missing_entrypoint=False)
    except exception.NoMatches:
        return None
    loaded: Source = manager.driver
    return loaded


def scheme(location: str) -> str:
    return location.partition('://')[0].lower()


def joined(location: Location) -> str:
    """Return a URI with the query that was taken from it."""
    return location.shown + (f'?{location.secret}' if location.secret else '')


class Http:
    """What lies on an HTTP server, by the rules of web-download."""

    needs_token = False

    def split(self, location: str, context: contexts.Context) -> Location:
        destinations.rules().parse(location)
        shown, _, query = location.partition('?')
        return Location(shown, query)

    def open(self, run: Run, location: Location, most: int) -> Readable:
        return opened(web_download.download(run, joined(location), most))


def opened(download: Download) -> Readable:
    """Return a download whose first answer has come."""
    try:
        download.open()
    except BaseException:
        download.close()
        raise
    return web_download.Remote(download)
