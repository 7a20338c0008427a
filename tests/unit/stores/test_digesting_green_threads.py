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
"""Writing on a server with green threads, as eventlet's glance-api has."""

import importlib.util
import subprocess
import sys
import textwrap
import unittest

SCRIPT = textwrap.dedent('''
    import eventlet
    eventlet.monkey_patch()
    import time
    from glance_ext.stores import fixture
    from glance_ext.stores import writing
    from glance_ext.transfer.digests import Digests
    from glance_ext.transfer.progress import Progress
    stores = {name: fixture.Store(faults) for name, faults in (
        ('good', []), ('bad', [fixture.Fault('add', 'raise', 3 << 20)]),
        ('slow', [fixture.Fault('get_size', 'stall')]))}
    ticks, told = [], []

    def tick():
        while True:
            ticks.append(1)
            eventlet.sleep(0)

    def finished(store, outcome, found):
        told.append((store, type(outcome).__name__, len(found)))
        if store == 'good':
            stores['slow'].plan.release()
            transaction.commit(store)
    eventlet.spawn(tick)
    with (fixture.stores(stores),
          writing.Transaction('image', None, fixture.Owner()) as transaction,
          Digests(['md5', 'sha512'], 0) as digests):
        transaction.write(
            (bytes(1 << 16) for _ in range(200)), ['slow', 'bad', 'good'],
            size=200 << 16, algorithm='sha512', digests=digests,
            progress=Progress(), check=lambda: None, sleep=time.sleep,
            stall_timeout=60, finished=finished)
    assert told == [('bad', 'StoreError', 0), ('good', 'Written', 2),
                    ('slow', 'Written', 2)], told
    assert [len(store.objects) for store in stores.values()] == [1, 0, 0]
    # One switch to the others a chunk at the least.
    assert len(ticks) >= 200, len(ticks)
''')


class TestGreenThreads(unittest.TestCase):

    def test_stores_are_written_and_others_get_their_turn(self):
        if importlib.util.find_spec('eventlet') is None:
            self.skipTest('this Glance does not bring eventlet')
        found = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c', SCRIPT], timeout=60,
            capture_output=True, text=True)
        self.assertEqual(0, found.returncode, found.stderr)
