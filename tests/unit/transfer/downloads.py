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
"""What tests of downloads have in common."""

from collections.abc import Iterator
import hashlib
from typing import Any
import unittest

from glance_ext import errors
from glance_ext.transfer.destinations import Rules
from glance_ext.transfer.http_source import Download
from glance_ext.transfer.wire import Transport
from tests.harness.backends import http
from tests.harness.backends.behaviour import Pattern

RULES = Rules(allowed_hosts=['127.0.0.1', 'localhost', 'elsewhere'],
              resolver=lambda host, port: ['127.0.0.1'])


def digest(data: bytes | Pattern) -> str:
    return hashlib.sha256(data[0:len(data)]).hexdigest()


class DownloadCase(unittest.TestCase):

    def setUp(self):
        self.server = self.enterContext(http.Server())
        self.failures: list[errors.RemoteUnavailable] = []

    def retry(self, cause: errors.RemoteUnavailable) -> None:
        self.failures.append(cause)
        if len(self.failures) > 3:
            raise cause

    def download(self, url: str, **more: Any) -> Download:
        more = {'retry': self.retry, 'transport': Transport(patience=0.3)
                } | more
        return self.enterContext(Download(url, RULES, **more))

    def read(self, url: str, **more: Any) -> bytes:
        return b''.join(self.download(url, **more).chunks())

    def each(self, data: int | bytes, **behaviour: Any
             ) -> Iterator[tuple[str, str, int]]:
        """Yield a URL for one connection, and then for four."""
        for connections in (1, 4):
            self.failures.clear()
            path = f'/{self.id()}/{connections}'
            yield path, self.server.serve(path, data, **behaviour), connections
