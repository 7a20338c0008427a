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
"""From one source into many sinks."""

import hashlib
import threading
import time
import unittest

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies

from glance_ext.transfer import feed
from glance_ext.transfer import pump
from glance_ext.transfer.digests import Digests
from glance_ext.transfer.progress import Progress

KIB = 1024


class Broken(Exception):
    pass


def threads():
    return [thread for thread in threading.enumerate()
            if thread.name.startswith('glance-ext-')]


def nothing():
    pass


def run(chunks, sinks, check=nothing, stall_timeout=30, progress=None,
        finished=lambda sink, found: None):
    with Digests(['md5'], 1) as digests:
        return pump.pump(chunks, sinks, digests=digests, check=check,
                         progress=progress or Progress(), finished=finished,
                         stall_timeout=stall_timeout)['md5']


def reader(size, breaks_at=None, instead=None):
    """Return a sink's write, which reads ``size`` bytes at a time."""
    def write(source):
        taken = b''
        while part := source.read(size):
            taken += part
            if breaks_at is not None and len(taken) >= breaks_at:
                if instead is None:
                    raise Broken
                instead()
        return taken
    return write


class TestPump(unittest.TestCase):

    def tearDown(self):
        self.assertEqual([], threads())

    @settings(max_examples=60, deadline=None)
    @given(data=strategies.binary(min_size=1, max_size=20_000),
           chunk=strategies.integers(1, 4000),
           sizes=strategies.lists(strategies.tuples(
               strategies.integers(1, 5000),
               strategies.none() | strategies.integers(0, 25_000)),
               min_size=1, max_size=4))
    def test_living_sinks_get_every_byte_whatever_others_do(
            self, data, chunk, sizes):
        sinks = [pump.Sink(str(index), reader(size, breaks_at))
                 for index, (size, breaks_at) in enumerate(sizes)]
        chunks = (data[start:start + chunk]
                  for start in range(0, len(data), chunk))
        found = run(chunks, sinks)
        for sink, (_, breaks_at) in zip(sinks, sizes, strict=True):
            if breaks_at is None or breaks_at > len(data):
                self.assertIsNone(sink.error)
                self.assertEqual(data, sink.result)
                self.assertEqual(hashlib.md5(data).hexdigest(), found)
            else:
                self.assertIsInstance(sink.error, Broken)

    def test_failing_source_fails_every_sink_and_leaves_no_thread(self):
        def chunks():
            yield bytes(KIB)
            raise Broken
        sinks = [pump.Sink(str(index), reader(100)) for index in range(3)]
        with self.assertRaises(Broken):
            run(chunks(), sinks)
        for sink in sinks:
            self.assertIsInstance(sink.error, pump.Cancelled)

    def test_reads_no_further_when_every_sink_has_failed(self):
        given_ = []

        def chunks():
            for index in range(10_000):
                given_.append(index)
                yield bytes(KIB)
                if index == 20:
                    while sink.error is None:
                        time.sleep(0.001)
        sink = pump.Sink('a', reader(KIB, breaks_at=KIB))
        run(chunks(), [sink])
        self.assertLess(len(given_), 30)

    def test_cancelling_ends_a_transfer_whose_sink_takes_nothing(self):
        stuck = threading.Event()
        self.addCleanup(stuck.set)

        def check():
            if sink.feed.bytes_read:
                raise Broken

        def write(source):
            source.read(1)
            source.read(100 << 20)
        sink = pump.Sink('slow', write)
        with self.assertRaises(Broken):
            run((bytes(64 * KIB) for _ in range(10_000)), [sink], check)

    def test_stalled_sink_fails_alone(self):
        stuck = threading.Event()
        data = bytes(64 * KIB) * 100
        slow = pump.Sink('slow', reader(KIB, KIB, stuck.wait))
        good = pump.Sink('good', reader(KIB))
        run((data[at:at + 64 * KIB] for at in range(0, len(data), 64 * KIB)),
            [slow, good], stall_timeout=0.3)
        self.assertIsInstance(slow.error, pump.Stalled)
        self.assertIsNone(good.error)
        self.assertEqual(data, good.result)
        stuck.set()
        slow.join(5)

    def test_sink_that_does_not_end_is_left_behind(self):
        stuck = threading.Event()

        def write(source):
            source.read()
            stuck.wait()
        slow = pump.Sink('slow', write)
        run([b'x'], [slow], stall_timeout=0.3)
        self.assertIsInstance(slow.error, pump.Stalled)
        stuck.set()
        slow.join(5)

    def test_what_waits_for_a_slow_sink_is_bounded(self):
        most = 0

        def write(source):
            nonlocal most
            while source.read(64 * KIB):
                most = max(most, source._held)
                time.sleep(0.001)
        run((bytes(64 * KIB) for _ in range(200)),
            [pump.Sink('slow', write)])
        self.assertLess(0, most)
        self.assertLessEqual(most, feed.LIMIT + 64 * KIB)

    def test_progress_counts_source_and_sinks(self):
        progress = Progress(10 * KIB)
        sink = pump.Sink('a', reader(KIB))
        run([bytes(KIB)] * 10, [sink], progress=progress)
        self.assertEqual(10 * KIB, progress.done)
        self.assertEqual(10 * KIB, progress.branches['a'].done)
        self.assertEqual(100, progress.percent())

    def test_progress_of_a_sink_goes_on_after_the_last_chunk(self):
        progress = Progress(2 * KIB)
        seen, goes_on = set(), threading.Event()

        def write(source):
            source.read(KIB)
            goes_on.wait()
            source.read()

        def check():
            seen.add((progress.done, progress.branches['a'].done)
                     if progress.branches else None)
            if (2 * KIB, KIB) in seen:
                goes_on.set()
        run([bytes(2 * KIB)], [pump.Sink('a', write)], check,
            progress=progress)
        self.assertIn((2 * KIB, KIB), seen)
        self.assertEqual(2 * KIB, progress.branches['a'].done)


class TestFinished(unittest.TestCase):
    """The end of each sink is told at once, in the caller's thread."""

    def setUp(self):
        self.told = []
        self.goes_on = threading.Event()

    def tearDown(self):
        self.assertEqual([], threads())

    def finished(self, sink, found):
        self.assertIs(threading.main_thread(), threading.current_thread())
        self.told.append((sink.name, type(sink.error), found))

    def slow(self, source):
        source.read()
        self.goes_on.wait(30)

    def test_whichever_ends_next_is_told_of(self):
        def finished(sink, found):
            self.finished(sink, found)
            self.goes_on.set()
        found = run([b'x'], [pump.Sink('slow', self.slow),
                             pump.Sink('fast', reader(1))],
                    finished=finished)
        self.assertEqual([
            (name, type(None), {'md5': found}) for name in ('fast', 'slow')],
            self.told)

    def test_failure_is_told_before_the_source_has_ended(self):
        def chunks():
            while not self.told:
                yield bytes(KIB)
        run(chunks(), [pump.Sink('good', reader(KIB)),
                       pump.Sink('bad', reader(KIB, KIB))],
            finished=self.finished)
        self.assertEqual([('bad', Broken, {}), ('good', type(None))],
                         [self.told[0], self.told[1][:2]])

    def test_what_it_raises_ends_the_transfer(self):
        def finished(sink, found):
            self.finished(sink, found)
            raise Broken
        fast = pump.Sink('fast', reader(1))
        stuck = pump.Sink('stuck', lambda source: self.goes_on.wait(30)
                          and source.read())
        threading.Timer(0.1, self.goes_on.set).start()
        with self.assertRaises(Broken):
            run([b'x'], [stuck, fast], finished=finished)
        self.assertEqual(['fast'], [name for name, *_ in self.told])
        self.assertIsNone(fast.error)
        self.assertIsInstance(stuck.error, pump.Cancelled)

    def test_sink_given_up_is_told_of_once(self):
        run([b'x'], [pump.Sink('slow', self.slow)], stall_timeout=0.1,
            finished=self.finished)
        self.assertEqual(pump.Stalled, self.told[0][1])
        self.goes_on.set()
        self.assertEqual(1, len(self.told))
        for thread in threading.enumerate():
            if thread.name.startswith('glance-ext-'):
                thread.join(5)


class TestFeed(unittest.TestCase):

    def setUp(self):
        self.feed = feed.Feed()
        for part in (b'abc', b'd', b'efgh'):
            self.feed.put(part, 1)
        self.feed.end()

    def test_reads_like_a_file(self):
        self.assertEqual([b'ab', b'cdef', b'gh', b''],
                         [self.feed.read(n) for n in (2, 4, 100, 1)])

    def test_reads_the_rest(self):
        self.feed.read(1)
        self.assertEqual(b'bcdefgh', self.feed.read())

    def test_iterates_by_chunk(self):
        self.assertEqual([b'abc', b'd', b'efgh'], list(self.feed))
        self.assertEqual(8, self.feed.bytes_read)

    def test_read_of_nothing_is_nothing(self):
        self.assertEqual(b'', self.feed.read(0))
        self.assertEqual(b'abc', self.feed.read(3))

    def test_put_for_a_sink_that_is_done_is_dropped(self):
        self.feed.close()
        self.assertTrue(self.feed.put(bytes(10 * feed.LIMIT), 0))
        self.assertTrue(self.feed.put(b'x', 0))

    def test_end_is_told_from_bytes_that_are_left(self):
        self.assertFalse(self.feed.is_at_end())
        self.feed.read()
        self.assertTrue(self.feed.is_at_end())

    def test_end_is_waited_for(self):
        source = feed.Feed()
        found = []
        reader_ = threading.Thread(
            target=lambda: found.append(source.is_at_end()))
        reader_.start()
        source.end()
        reader_.join(10)
        self.assertEqual([True], found)

    def test_aborted_is_not_ended(self):
        self.feed.abort(Broken())
        self.assertFalse(self.feed.is_at_end())
