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
"""A process that comes back destroys nothing that its successor recorded.

``GLANCE_EXT_SOAK=1`` takes ``GLANCE_EXT_SOAK_MOMENTS`` (30) random moments of
all kinds of actions into all backends at once, or of so many of them as
``GLANCE_EXT_SOAK_CELLS`` says; ``GLANCE_EXT_SOAK_THAWS`` says when the process
comes back, and ``SEED`` repeats a run.
"""

from __future__ import annotations

import itertools
import os
import time

from tests.harness.soaking import soak
from tests.services import frozen

MOMENTS = int(os.environ.get('GLANCE_EXT_SOAK_MOMENTS', '30'))
CELLS = int(os.environ.get('GLANCE_EXT_SOAK_CELLS', '20'))
THAWS = os.environ.get('GLANCE_EXT_SOAK_THAWS', ','.join(frozen.THAWS))


class FrozenTest(frozen.FrozenCase):
    targets = ('file', 'swift')
    moments = 0.3, 0.7

    def test_a_process_that_comes_back_leaves_its_successors_copies(
            self) -> None:
        self.begin()
        cells = [(kind, target) for kind in ('copy', 'download', 'repair')
                 for target in self.targets]
        self.round('frozen', 'after', cells)
        self.assertEqual([], self.lost, f'SEED={self.seed}')
        self.assertEqual(set(), self.strays())


class EveryMomentTest(frozen.FrozenCase):

    @soak
    def test_every_kind_and_backend_at_random_moments(self) -> None:
        self.begin()
        cells = list(itertools.product(frozen.KINDS, self.targets))
        plans = itertools.cycle(
            [(how, thaw) for thaw in THAWS.split(',')
             for how in ('frozen', 'cut')])
        begun = time.monotonic()
        for number, (how, thaw) in enumerate(
                itertools.islice(plans, MOMENTS)):
            self.round(how, thaw, self.chance.sample(
                cells, min(CELLS, len(cells))))
            print(f'{number + 1} of {MOMENTS}: {how}, back {thaw}; '
                  f'{len(self.lost)} wrong; '
                  f'{time.monotonic() - begun:.0f} s', flush=True)
        print(f'SEED={self.seed}; strays: {sorted(self.strays())}')
        for end, count in sorted(self.ends.items()):
            print(f'{end:40} {count}')
        self.assertEqual([], self.lost)
