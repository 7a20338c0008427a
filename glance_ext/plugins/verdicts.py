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
"""What the copies of an image are worth: each is read back and judged."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from glance_ext import errors
from glance_ext.conf.hash import is_calculable
from glance_ext.host import images
from glance_ext.host import release
from glance_ext.stores import budgets
from glance_ext.stores import drivers
from glance_ext.stores.digesting import Pass
from glance_ext.stores.reading import Copy
from glance_ext.transfer.ahead import read_ahead
from glance_ext.transfer.closing import closing
from glance_ext.transfer.comparing import differing_range
from glance_ext.transfer.progress import Progress

LOG = logging.getLogger(__name__)

#: What a copy is worth. Nobody can tell of one that is unproven: nothing is
#: recorded to compare it with, and it has no equal.
GOOD, CORRUPT, SHORT, MISSING = 'good', 'corrupt', 'short', 'missing'
UNREACHABLE, UNPROVEN = 'unreachable', 'unproven'
_CHECKSUM = 'md5'
#: Seconds between two attempts to read a copy, at the most.
_LONGEST_WAIT = 30


@dataclass
class Verdict:
    """What one copy was found to be."""

    location: images.Location
    store: str
    verdict: str
    bytes: int = 0
    digests: dict[str, str] = field(default_factory=dict)
    #: The first and the last byte that are not those of a good copy.
    range: tuple[int, int] | None = None
    #: What it was before the repair.
    found: str | None = None
    #: Why it was not repaired.
    not_repaired: str | None = None

    def view(self) -> dict[str, Any]:
        """Return it as an action's result shows it."""
        shown: dict[str, Any] = {'verdict': self.verdict,
                                 'bytes': self.bytes}
        if self.range:
            shown['range'] = {'first': self.range[0], 'last': self.range[1]}
        if self.found:
            shown['found'] = self.found
        if self.not_repaired:
            shown['not_repaired'] = self.not_repaired
        return shown


def recorded(image: images.Image) -> dict[str, str]:
    """Return ``{algorithm: digest}`` that every copy must have.

    The multihash decides; the checksum only where there is none.

    :raises errors.HashUnverifiable: this host lacks the algorithm
    """
    if image.os_hash_value and image.os_hash_algo:
        require_calculable(image.os_hash_algo)
        return {image.os_hash_algo: image.os_hash_value.lower()}
    return {_CHECKSUM: image.checksum.lower()} if image.checksum else {}


def require_calculable(algorithm: str | None) -> None:
    """See that what is recorded of an image can be compared.

    :raises errors.HashUnverifiable: this host lacks its algorithm
    """
    if not is_calculable(algorithm or ''):
        raise errors.HashUnverifiable(
            f'The image\'s hash is of the algorithm {algorithm!r}, which '
            f'this host does not have')


class Reader:
    """Reads the copies of one image.

    :param context: the request context for stores that need the caller's
        own token
    :param check: called often; what it raises ends the reading
    :param sleep: waits so many seconds; what it raises ends the wait
    :raises errors.HashUnverifiable:
    """

    def __init__(self, image: images.Image, context: Any,
                 check: Callable[[], None],
                 sleep: Callable[[float], None]) -> None:
        self._image = image
        self._context = context
        self._check = check
        self._sleep = sleep
        self._recorded = recorded(image)
        # A reload must not change what a reader does from copy to copy.
        self._algorithms = frozenset(self._recorded or {
            _CHECKSUM, cfg.CONF.hashing_algorithm})
        self._retries = cfg.CONF.http_retries

    def copy(self, location: images.Location) -> Copy:
        return Copy(location, self._context)

    def judge(self, location: images.Location, progress: Progress
              ) -> Verdict:
        """Read one copy to its end and say what it is.

        ``unproven`` means that it is whole, and that nothing is recorded.

        :param progress: counts its bytes
        """
        copy = self.copy(location)
        verdict, digests = self._read(copy, progress)
        return Verdict(location, drivers.store_of(location), verdict,
                       progress.done, digests)

    def settle(self, verdicts: Sequence[Verdict]) -> None:
        """Compare the copies with each other, where that tells more.

        Where nothing is recorded, copies that are all the same are good; if
        they differ, nobody knows which of them is. Of a corrupt one, what
        differs from a good one is found out.
        """
        unproven = [each for each in verdicts if each.verdict == UNPROVEN]
        if len(unproven) > 1 and all(
                each.digests == unproven[0].digests for each in unproven):
            for each in unproven:
                each.verdict = GOOD
        good = [each for each in verdicts if each.verdict == GOOD]
        for each in verdicts:
            if good and each.verdict == CORRUPT:
                self._compare(good[0], each)

    def pass_of(self, expected: dict[str, str], progress: Progress,
                *more: str) -> Pass:
        """Return how a copy is read that has to have these digests.

        :param more: algorithms that are wanted besides
        """
        options = cfg.CONF.glance_ext
        failures = 0

        def retry(cause: errors.StoreError) -> None:
            nonlocal failures
            failures += 1
            if (isinstance(cause, errors.DataMissing)
                    or failures > self._retries):
                raise cause
            self._sleep(min(_LONGEST_WAIT, 2 ** (failures - 1)))

        return Pass(
            algorithms=self._algorithms.union(more),
            recorded=expected, size=0,
            threads=0 if release.has_green_threads()
            else options.digest_threads,
            stall_timeout=options.stall_timeout, check=self._check,
            retry=retry, sleep=self._sleep, progress=progress)

    def _read(self, copy: Copy, progress: Progress
              ) -> tuple[str, dict[str, str]]:
        size = self._image.size
        try:
            _, digests = self.pass_of({}, progress).read([copy])
        except errors.DataMissing:
            return MISSING, {}
        except errors.ShortRead:
            # The store says that it holds another number of bytes.
            return (SHORT if progress.done < (size or 0) else CORRUPT), {}
        except errors.StoreError as exc:
            LOG.info('Image %s: no verdict on its copy in %s: %s',
                     self._image.id, copy, exc.message)
            return UNREACHABLE, {}
        if size is not None and progress.done < size:
            return SHORT, digests
        if size not in (None, progress.done) or any(
                digests[name] != value
                for name, value in self._recorded.items()):
            return CORRUPT, digests
        return (GOOD if self._recorded else UNPROVEN), digests

    def _compare(self, good: Verdict, bad: Verdict) -> None:
        try:
            with closing(self._chunks(good.location)) as left, closing(
                    self._chunks(bad.location)) as right:
                bad.range = differing_range(left, right)
        except errors.StoreError as exc:
            LOG.info('Image %s: where its copy in store %s is corrupt could '
                     'not be found out: %s', self._image.id, bad.store,
                     exc.message)
        else:
            if bad.range is None:
                # What was wrong was the reading, and not what lies there.
                LOG.warning('Image %s: its copy in store %s was read wrongly '
                            'once', self._image.id, bad.store)
                bad.verdict = GOOD

    def _chunks(self, location: images.Location) -> Iterator[bytes]:
        copy = self.copy(location)
        chunks: Iterable[bytes] = copy.chunks()
        if not release.has_green_threads():
            chunks = read_ahead(chunks, cfg.CONF.glance_ext.stall_timeout,
                                self._check, str(copy))
        with closing(chunks) as source:
            for chunk in source:
                self._check()
                budgets.take_all(len(chunk), self._sleep)
                budgets.take([copy.store], len(chunk), self._sleep)
                yield chunk
