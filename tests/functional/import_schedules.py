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
"""Random faults during copies and imports, and what they may leave."""

import contextlib
import os
import random
import time
from typing import Any

from tests.functional.hash_life import DATA
from tests.functional.hash_life import locks
from tests.functional.hash_life import until
from tests.functional.import_life import LISTS
from tests.functional.import_life import ImportCase
from tests.functional.import_life import copying
from tests.functional.import_life import downloading
from tests.harness.backends import http

SEED = int(os.environ.get('GLANCE_EXT_SOAK_SEED', time.time_ns()))
#: All that is in stores and in staging of an image, and its rows.
State = tuple[list[str], dict[str, Any]]
STORES = ('slow', 'cold')


class SchedulesCase(ImportCase):
    """Runs schedules; each is a fault or two, at a byte, and what follows.

    An image lies in ``fast`` and is copied to both other stores, or is
    fetched into all three.
    """

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server = http.Server()
        cls.addClassCleanup(cls.server.stop)
        cls.uri = cls.server.serve('/image', DATA)

    def run_schedules(self, count: int, kills: bool = False) -> None:
        """Run so many; an error tells the seed and the schedule."""
        chosen = random.Random(SEED)
        ended: dict[str, int] = {}
        for number in range(count):
            kill = kills and number % 10 == 9
            plan = self.draw(chosen)
            try:
                found = self.run_one(plan, kill)
            except BaseException as exc:
                exc.add_note(f'GLANCE_EXT_SOAK_SEED={SEED}, {number}: {plan}'
                             f'{", killed" if kill else ""}')
                raise
            ended[found] = ended.get(found, 0) + 1
        print(f'{type(self).__name__}: {ended}, seed {SEED}', flush=True)

    def draw(self, chosen: random.Random) -> dict[str, Any]:
        """Return a schedule."""
        faults = []
        legacy = chosen.random() < 0.3
        for _ in range(chosen.choice((0, 1, 1, 2))):
            operation = chosen.choice(('get', 'add', 'add'))
            kinds = ['raise', 'stall']
            if operation == 'get':
                kinds += ['cut', 'notfound']
                # Nothing could tell where nothing is recorded.
                kinds += [] if legacy else ['zeros', 'corrupt']
            fault = {
                'kind': chosen.choice(kinds), 'operation': operation,
                'store': chosen.choice(('fast', *STORES)),
                'at': chosen.randrange(len(DATA) + 1),
                'times': chosen.choice((1, None))}
            if fault['kind'] == 'stall':
                fault['seconds'] = 1.0
            if operation == 'add' and fault['kind'] == 'raise':
                fault['error'] = chosen.choice(('StorageFull', 'OSError'))
            faults.append(fault)
        return {
            'faults': faults, 'after': chosen.random() * 0.3,
            'then': chosen.choice(('nothing', 'nothing', 'delete',
                                   'deactivate', 'cancel')),
            'import': chosen.random() < 0.4,
            'legacy': legacy,
            'allow_failure': chosen.random() < 0.3}

    def run_one(self, plan: dict[str, Any], kill: bool) -> str:
        """Run a schedule, see what is left, and return how it ended."""
        on = self.glance
        if plan['import']:
            image = on.create()['id']
            body = downloading(self.uri, 'fast', *STORES)
        else:
            make = on.legacy if plan['legacy'] else on.upload
            image = make(DATA, stores=('fast',))
            body = copying(*STORES)
        body['allow_failure'] = plan['allow_failure']
        before = self.objects(image), self.rows(image)
        pace = on.fault('slow', 'add', image=image,
                        bytes_per_second=1_500_000)
        for fault in plan['faults']:
            on.fault(image=image, **fault)
        action = self.begin(image, body)
        time.sleep(plan['after'])
        if kill:
            on.kill()
            on.start()
        else:
            self.interfere(image, action, plan['then'])
        on.clear_faults(pace)
        ended = on.wait_action(action, 60)
        on.clear_faults()
        if plan['then'] == 'deactivate':
            on.request('POST', f'/v2/images/{image}/actions/reactivate')
        self.check(image, ended, before, plan)
        with contextlib.suppress(Exception):
            on.request('DELETE', f'/v2/images/{image}')
        self.assertEqual([], self.objects(image))
        return 'success' if ended['status'] == 'success' else str(
            ended['error']['code'])

    def interfere(self, image: str, action: str, how: str) -> None:
        """Do what somebody else does meanwhile."""
        on = self.glance
        if how == 'delete':
            on.request('DELETE', f'/v2/images/{image}')
        elif how == 'deactivate':
            on.request('POST', f'/v2/images/{image}/actions/deactivate')
        elif how == 'cancel':
            on.request('DELETE', f'/v2/image-actions/{action}')

    def check(self, image: str, action: Any, before: State,
              plan: dict[str, Any]) -> None:
        """See that all of it is there, or nothing is."""
        self.assertEqual([], locks(self.glance, image))
        # A deactivation may save the list as it was; it is looked after.
        until(lambda: self.glance.sql(
            'select value from image_properties where deleted = 0 and '
            f'name = \'{LISTS[0]}\' and image_id = ?', (image,)
        ) in ([], [('',)]))
        gone = self.glance.request(
            'GET', f'/v2/images/{image}').status == 404
        if gone:
            # A deletion may not know of the last copy; it is looked after.
            until(lambda: not self.objects(image))
            return
        there = self.objects(image)
        if action['status'] == 'failure':
            self.assertEqual(before[0], there, action)
            self.assertEqual(before[1], self.rows(image), action)
        else:
            has = {*action['result']['stores'],
                   *(() if plan['import'] else ('fast',))}
            self.assertEqual(sorted(f'{store}/{image}' for store in has),
                             there)
            self.assertEqual(has, self.stores(image))
            for store in has:
                self.assertEqual(DATA, self.glance.store_file(
                    store, image).read_bytes())
            self.assertUsable(image)
            if not plan['allow_failure']:
                self.assertEqual([], action['result']['failed_stores'])
