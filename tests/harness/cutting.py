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

"""A wire between a process and a server, which a test can cut."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading


class Wire:
    """Listens on a port of its own and passes bytes on to another.

    :param target: the port of the server, on this machine
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection, and refuse new ones until :meth:`mend`."""
        with self._lock:
            self._is_cut = True
            for each in self._pairs:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let connections through again."""
        with self._lock:
            self._is_cut = False

    def close(self) -> None:
        """End it for good."""
        self.cut()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(('127.0.0.1', self._target))
            except OSError:
                near.close()
                continue
            with self._lock:
                refused = self._is_cut
                if not refused:
                    self._pairs |= {near, far}
            if refused:
                near.close()
                far.close()
                continue
            threading.Thread(target=self._pass_on, args=(near, far),
                             daemon=True).start()

    def _pass_on(self, near: socket.socket, far: socket.socket) -> None:
        with selectors.DefaultSelector() as both, near, far:
            both.register(near, selectors.EVENT_READ, far)
            both.register(far, selectors.EVENT_READ, near)
            with contextlib.suppress(OSError):
                while True:
                    for key, _ in both.select():
                        data = key.fileobj.recv(65536)  # type: ignore
                        if not data:
                            return
                        key.data.sendall(data)
            with self._lock:
                self._pairs -= {near, far}
