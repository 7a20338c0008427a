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
"""An HTTP server in threads of this process that leaves none of them."""

from __future__ import annotations

import http.server
import socket
import sys
import threading
from typing import Any

from tests.harness import ports

HOST = '127.0.0.1'


class Listener(http.server.ThreadingHTTPServer):
    """A server at ``url`` that runs from its making to ``stop``.

    :param name: what its threads are called: ``NAME`` and ``NAME-request``.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, name: str, handler: type[http.server.BaseHTTPRequestHandler]
    ) -> None:
        self._port = ports.Port()
        super().__init__((HOST, self._port.number), handler)
        self.url = f'http://{HOST}:{self._port.number}'
        self._open: dict[threading.Thread, socket.socket] = {}
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.05,), name=name, daemon=True
        )
        self._thread.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection in a thread, which ``stop`` can end."""
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name=f'{self._thread.name}-request',
            daemon=True,
        )
        self._open[thread] = request
        thread.start()

    def process_request_thread(
        self, request: Any, client_address: Any
    ) -> None:
        """Serve one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            del self._open[threading.current_thread()]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report errors, but no lost client: tests are about those."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """End it, also connections that are in use; wait for its threads."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        for thread, connection in list(self._open.items()):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the client was faster
            thread.join()
        self._port.release()
