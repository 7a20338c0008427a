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
"""Random schedules of damage, repair and whatever else happens to an image.

Each has its seed in its name. After each step, no recorded copy that was good
has become bad but by the damage of the schedule; at the end, every repair has
ended, and no bad copy is recorded that was repaired.
"""

import random
import signal
import time
from typing import Any

from tests.functional import verify_life
from tests.functional.hash_life import until
from tests.functional.verify_life import DAMAGE
from tests.harness import glance

DATA = verify_life.DATA[:256 * 1024]
STORES = 'fast', 'slow', 'cold'
HEARTBEAT = 10


class Schedules(verify_life.VerifyCase):
    """``run`` is one schedule; the Glance is killed and started again."""

    STORES = STORES
    RETRIES = 6

    @classmethod
    def setUpClass(cls) -> None:
        cls.own = glance.Glance(config={
            'DEFAULT': {'http_retries': cls.RETRIES},
            'glance_ext': {'heartbeat_timeout': HEARTBEAT}})
        cls.addClassCleanup(cls.own.stop, signal.SIGKILL)
        cls.own.start()

    def setUp(self) -> None:
        self.glance = self.own
        self.addCleanup(self.glance.clear_faults)

    def run_schedules(self, count: int, at_once: int) -> None:
        """Run so many, some at the same time, with a kill in each round."""
        seeds = [random.randrange(1 << 32) for _ in range(count)]
        for start in range(0, count, at_once):
            round_ = [Schedule(self, seed)
                      for seed in seeds[start:start + at_once]]
            for each in round_:
                each.begin()
            time.sleep(random.Random(seeds[start]).uniform(0.1, 1.5))
            self.glance.kill()
            self.glance.clear_faults()
            self.glance.start()
            for each in round_:
                with self.subTest(seed=each.seed, did=each.did):
                    each.end()


class Schedule:
    """One image, and what happens to it."""

    def __init__(self, case: Schedules, seed: int) -> None:
        self.case, self.seed = case, seed
        self.random = random.Random(seed)
        self.did: list[str] = []
        self.actions: list[str] = []
        self.removed: set[str] = set()
        self.deleted = False

    def begin(self) -> None:
        """Damage some copies, ask for a repair, and do something else."""
        case = self.case
        self.stores = STORES[:self.random.randint(2, 3)]
        self.image = case.glance.upload(DATA, stores=self.stores)
        self.bad = self.random.sample(
            self.stores, self.random.randint(1, len(self.stores)))
        for store in self.bad:
            name = self.random.choice(sorted(DAMAGE))
            self.did.append(f'{name} in {store}')
            case.damage(self.image, DAMAGE[name][0], store, DATA)
        if self.random.random() < 0.6:
            case.glance.fault(
                'slow', image=self.image,
                bytes_per_second=self.random.choice((1, 4)) * len(DATA))
        self.ask('verify', {'repair': True})
        for _ in range(self.random.randint(0, 2)):
            time.sleep(self.random.uniform(0, 0.2))
            self.random.choice((
                self.copy, self.delete, self.remove, self.again))()

    def ask(self, call: str, body: Any) -> int:
        answer = self.case.glance.request(
            'POST', f'/v2/images/{self.image}/{call}', body)
        self.did.append(f'{call}: {answer.status}')
        self.case.assertIn(answer.status, (202, 400, 404, 409), answer.text)
        if answer.status == 202:
            self.actions.append(answer.json['id'])
        return answer.status

    def copy(self) -> None:
        self.ask('import', {'method': {'name': 'copy-image'},
                            'stores': ['cold']})

    def again(self) -> None:
        self.ask('verify', {'repair': self.random.random() < 0.5})

    def delete(self) -> None:
        answer = self.case.glance.request(
            'DELETE', f'/v2/images/{self.image}')
        self.did.append(f'delete: {answer.status}')
        self.deleted |= answer.status == 204

    def remove(self) -> None:
        """Remove a copy that is bad, as a user may at any time."""
        store = self.random.choice(self.bad)
        answer = self.case.glance.request(
            'DELETE', f'/v2/stores/{store}/{self.image}')
        self.did.append(f'remove {store}: {answer.status}')
        if answer.status == 204:
            self.removed.add(store)

    def end(self) -> None:
        """See that what was good is, and that nothing bad was recorded."""
        case = self.case
        endings = [case.glance.wait_action(action, timeout=90)
                   for action in self.actions]
        if self.deleted:
            until(lambda: not self.lies_in())
            return
        # What a save or a deletion undoes is put right a moment later.
        until(lambda: self.lies_in() <= self.there())
        there = self.there()
        good = {store for store in there if self.holds(store)}
        before = set(self.stores) - set(self.bad)
        case.assertLessEqual(before - self.removed, good, endings)
        # Without a good copy nothing can be known, and nothing was done.
        if before:
            said = {store for ending in endings
                    if ending['action_type'] == 'verify'
                    for store, found in ending['result'].get(
                        'stores', {}).items()
                    if found['verdict'] == 'good'}
            case.assertLessEqual(said & there, good, endings)
        case.assertIsNone(case.lock(self.image))

    def there(self) -> set[str]:
        return set(self.case.glance.image(self.image)['stores'].split(','))

    def lies_in(self) -> set[str]:
        return {store for store in STORES if self.case.glance.store_file(
            store, self.image).exists()}

    def holds(self, store: str) -> bool:
        file = self.case.glance.store_file(store, self.image)
        return file.exists() and file.read_bytes() == DATA
