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
"""The process in which requests are answered while an image is hashed.

``python -m bench.api IMAGE`` prints its port. ``PUT /<mode>`` changes what a
thread of it does over and over, and answers with the MiB per second of the
mode before; ``GET /`` is a request like any.
"""

from collections.abc import Iterable
import json
import pathlib
import sys
import threading
import time
from typing import Any

import waitress

from bench import images
from glance_ext.transfer.progress import Progress

#: About as much work as showing an image, without its database.
_IMAGE = {f'property_{n}': f'value {n}' for n in range(40)}
_THREADS = 4


class _Stopped(Exception):
    """The mode has changed."""


class Hashing:
    """A thread that hashes an image, again and again, in some way."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._stopped = threading.Event()
        self._thread = threading.Thread()
        self._done = 0
        self._began = time.monotonic()

    def change(self, mode: str) -> float:
        """Begin another mode; return the speed of the one before."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        passed = time.monotonic() - self._began
        speed = self._done / images.MIB / passed
        self._stopped.clear()
        self._done, self._began = 0, time.monotonic()
        if mode != 'idle':
            self._thread = threading.Thread(
                target=self._run, args=(mode,), daemon=True)
            self._thread.start()
        return speed

    def _run(self, mode: str) -> None:
        try:
            while True:
                if mode == 'theirs':
                    images.hash_theirs(self._path, self._count)
                else:
                    self._ours(int(mode))
        except _Stopped:
            pass

    def _ours(self, threads: int) -> None:
        before, progress = self._done, Progress()

        def check() -> None:
            self._done = before + progress.done
            self._count(0)
        images.hash_ours(self._path, threads, progress, check)

    def _count(self, count: int) -> None:
        self._done += count
        if self._stopped.is_set():
            raise _Stopped


def application(hashing: Hashing) -> Any:
    def answer(environ: dict[str, Any], start_response: Any
               ) -> Iterable[bytes]:
        if environ['REQUEST_METHOD'] == 'PUT':
            found: Any = hashing.change(environ['PATH_INFO'].strip('/'))
        else:
            found = _IMAGE
        body = json.dumps(found).encode()
        start_response('200 OK', [('Content-Type', 'application/json'),
                                  ('Content-Length', str(len(body)))])
        return [body]
    return answer


def main() -> None:
    server = waitress.create_server(
        application(Hashing(pathlib.Path(sys.argv[1]))), host='127.0.0.1',
        port=0, threads=_THREADS)
    print(server.effective_port, flush=True)
    server.run()


if __name__ == '__main__':
    main()
