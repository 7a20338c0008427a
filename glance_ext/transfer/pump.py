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
"""From one source, through the digests, into every sink at once."""

from collections.abc import Callable, Iterable, Sequence
import threading
import time
from typing import Any

from glance_ext.transfer.closing import closing
from glance_ext.transfer.digests import Digests
from glance_ext.transfer.feed import Feed
from glance_ext.transfer.progress import Progress

#: The pump looks up this often, in seconds, while it waits for a sink.
_LOOK_UP = 0.25


class Stalled(Exception):
    """A sink took no byte for too long."""


class Cancelled(Exception):
    """The other side of a feed has given up."""


class Sink:
    """One target of a transfer, with a thread of its own.

    :param name: as it is called in the progress
    :param write: called with a :class:`Feed`; reads it to its end and
        returns what it wants to be told of later. What it raises fails this
        sink and no other.
    """

    def __init__(self, name: str, write: Callable[[Feed], Any]) -> None:
        self.name = name
        #: What ``write`` returned, once it has.
        self.result: Any = None
        #: Why this sink failed, or None.
        self.error: BaseException | None = None
        self.feed = Feed()
        #: Whether ``write`` has returned, or raised.
        self.ended = False
        self._write = write
        self._read = 0
        self._since = 0.0
        self._thread: threading.Thread | None = None

    def start(self, changed: threading.Event) -> None:
        """Begin to write; set ``changed`` when that has ended."""
        thread = threading.Thread(
            target=self._run, args=(changed,),
            name=f'glance-ext-sink-{self.name}', daemon=True)
        thread.start()
        self._thread = thread

    def is_working(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def join(self, seconds: float) -> None:
        if self._thread is not None:
            self._thread.join(seconds)

    def watch(self) -> None:
        """Begin to count the time that passes without a byte read."""
        self._read, self._since = self.feed.bytes_read, time.monotonic()

    def fail_if_stalled(self, seconds: float) -> None:
        """Give this sink up if nothing was read for so long."""
        if self.feed.bytes_read != self._read:
            self.watch()
        elif time.monotonic() - self._since > seconds and not self.ended:
            self.fail(Stalled(f'{self.name} took nothing for {seconds:g} '
                              f'seconds'))

    def fail(self, cause: BaseException) -> None:
        """Give this sink up; the others go on."""
        self.error = self.error or cause
        self.feed.abort(cause)
        self.feed.close()

    def _run(self, changed: threading.Event) -> None:
        try:
            self.result = self._write(self.feed)
        except BaseException as exc:
            self.error = self.error or exc
        finally:
            self.feed.close()
            self.ended = True
            changed.set()


def pump(chunks: Iterable[bytes], sinks: Sequence[Sink], *,
         digests: Digests, progress: Progress,
         check: Callable[[], None], stall_timeout: float,
         digested: Callable[[dict[str, str] | None], None] = (
             lambda found: None),
         finished: Callable[[Sink, dict[str, str]], None] = (
             lambda sink, found: None),
         grace: float = 5) -> dict[str, str]:
    """Move every chunk into the digests and into all sinks that live.

    A sink that fails is left behind, with its ``error`` set; the others
    get every byte. Returns when all have ended.

    :param chunks: the source; closed in the end, if it can be
    :param check: called for every chunk and while waiting; what it raises
        ends the transfer
    :param stall_timeout: seconds without a byte after which a sink fails
    :param digested: told the digests as soon as they are known, before any
        sink is told that it has read everything; None where the transfer
        fails
    :param finished: called with each sink when it has ended, whichever ends
        next, and with the digests; with none, when it has failed before
        they were known. What it raises ends the transfer
    :param grace: seconds that the sinks get to end in when the transfer
        fails; a driver that does not return from a call is left to itself
    :returns: ``{algorithm: hex digest}`` of what was read: of everything,
        unless all sinks failed before
    :raises BaseException: what the source, ``check`` or ``finished`` raised.
        Every sink has ended then or hangs in its driver; those that
        ``finished`` has not been told of have an ``error``
    """
    working = list(sinks)
    changed = threading.Event()

    def see(found: dict[str, str] | None) -> None:
        for sink in working[:]:
            # None succeeds before the digests are known.
            ended = sink.error or (sink.ended and found is not None)
            progress.branch(sink.name).done = sink.feed.bytes_read
            if ended:
                working.remove(sink)
                finished(sink, found or {})

    try:
        for sink in sinks:
            sink.start(changed)
        with closing(chunks) as source:
            for chunk in source:
                check()
                digests.update(chunk)
                for sink in working:
                    _feed(sink, chunk, check, stall_timeout)
                progress.advance(len(chunk))
                see(None)
                if sinks and not working:
                    break
        found = digests.finish()
        digested(found)
        for sink in working:
            sink.watch()
            sink.feed.end()
        while working:
            changed.wait(_LOOK_UP)
            changed.clear()
            check()
            for sink in working:
                sink.fail_if_stalled(stall_timeout)
            see(found)
        return found
    except BaseException as exc:
        cancelled = Cancelled(type(exc).__name__)
        digested(None)
        for sink in working:
            sink.fail(cancelled)
        until = time.monotonic() + grace
        for sink in sinks:
            sink.join(max(0.0, until - time.monotonic()))
        raise


def _feed(sink: Sink, chunk: bytes, check: Callable[[], None],
          stall_timeout: float) -> None:
    sink.watch()
    # One that fails takes everything, and drops it.
    while not sink.feed.put(chunk, _LOOK_UP):
        check()
        sink.fail_if_stalled(stall_timeout)
