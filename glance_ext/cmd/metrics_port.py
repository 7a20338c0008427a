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
"""A port of its own on which a worker shows its metrics."""

import argparse
import http.server
import threading
from typing import NamedTuple


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int


def address(text: str) -> Address:
    """Read ``PORT``, on this machine alone, or ``HOST:PORT``."""
    host, _, port = text.rpartition(':')
    if not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f'{text!r}: use PORT or HOST:PORT')
    return Address(host.strip('[]') or '127.0.0.1', int(port))


def serve(where: Address) -> http.server.ThreadingHTTPServer:
    """Answer every GET with the metrics, in a thread, until the end.

    :returns: the server, which can be shut down
    :raises OSError: the port cannot be had
    :raises metrics.Absent: ``prometheus_client`` is not installed
    """
    from glance_ext.actions import metrics

    metrics.text()
    server = http.server.ThreadingHTTPServer(where, _Handler)
    threading.Thread(
        target=server.serve_forever, name='glance-ext-metrics', daemon=True
    ).start()
    return server


class _Handler(http.server.BaseHTTPRequestHandler):
    timeout = 10

    def do_GET(self) -> None:
        from glance_ext.actions import metrics

        text = metrics.text()
        self.send_response(200)
        self.send_header('Content-Type', metrics.CONTENT_TYPE)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Nothing: a scrape is no event."""
