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
"""Random schedules of several actions on one image, or on one id.

Two or three at a time: everything that reads, writes or deletes data, of ours
and of Glance's own, with stores that fail, are slow, or hold something
already. In the end, every image that says that it has data has it, nothing
that belongs to nobody was made, and nothing that belongs to somebody else was
deleted.
"""

from __future__ import annotations

from collections.abc import Callable
import contextlib
import os
from pathlib import Path
import random
import threading
import time
from typing import Any
import uuid

from tests.functional import cases
from tests.functional import disks
from tests.functional.import_requests import IMPORTS
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER
from tests.harness.users import OTHER

STORES = ('fast', 'slow', 'cold')
SIZE = disks.MIB // 4
FOREIGN = b'what nobody of Glance has written'
_RAW = {'disk_format': 'raw', 'container_format': 'bare'}


class Schedule:
    """One image or id, and what happens to it."""

    def __init__(self, case: Any, seed: int) -> None:
        self.case, self.glance, self.seed = case, case.glance, seed
        self.random = random.Random(seed)
        self.image = str(uuid.UUID(int=self.random.getrandbits(128),
                                   version=4))
        self.did: list[str] = []
        self.actions: list[str] = []
        #: All that the data of the image may turn out to be.
        self.data: list[bytes] = []
        #: ``{store: what somebody put there who is not Glance}``.
        self.foreign: dict[str, bytes] = {}
        self.faults: list[str] = []
        self.removing: list[bool] = []
        self.threads: list[threading.Thread] = []

    # What can happen ------------------------------------------------------

    def some_stores(self, most: int = 3) -> list[str]:
        return self.random.sample(STORES, self.random.randint(1, most))

    def new_data(self) -> bytes:
        self.data.append(self.random.randbytes(SIZE))
        return self.data[-1]

    def serve(self) -> str:
        data = self.new_data()
        return str(self.case.server.serve(
            f'/{self.image}/{len(self.data)}', data))

    def call(self, name: str, method: str, path: str, json: Any = None,
             user: Any = ADMIN, **how: Any) -> Any:
        answer = self.glance.request(method, path, json, user=user, **how)
        self.did.append(f'{name}: {answer.status}')
        if answer.status in (201, 202):
            if IMPORTS in path or path.endswith('/export'):
                self.actions.append(
                    answer.headers['Location'].rpartition('/')[2])
            elif 'Location' in answer.headers and answer.json.get(
                    'action_type'):
                self.actions.append(answer.json['id'])
        return answer

    def on(self, what: str) -> str:
        return f'/v2/images/{self.image}{what}'

    def import_location(self) -> None:
        self.call('import', 'POST', IMPORTS, {
            'location': self.serve(), 'stores': self.some_stores(),
            'all_stores_must_succeed': self.random.random() < 0.6,
            'image_properties': {'id': self.image, **_RAW}},
            self.random.choice((MEMBER, OTHER, ADMIN)))

    def import_upload(self) -> None:
        user = self.random.choice((MEMBER, OTHER))
        answer = self.call('import by PUT', 'POST', IMPORTS, {
            'stores': self.some_stores(),
            'image_properties': {'id': self.image, **_RAW}}, user)
        if answer.status == 201:
            path = f'{IMPORTS}/{self.actions[-1]}/file'
            self.put('PUT of an import', path, user)

    def glance_image(self) -> None:
        """Make an image with the id, and upload or download its data."""
        user = self.random.choice((MEMBER, OTHER))
        made = self.call('create', 'POST', '/v2/images', {
            'id': self.image, **_RAW}, user)
        if made.status == 201:
            self.random.choice((self.upload, self.download))(user)

    def upload(self, user: Any = ADMIN) -> None:
        self.put('upload', self.on('/file'), user)

    def put(self, name: str, path: str, user: Any) -> None:
        self.call(name, 'PUT', path, user=user, body=self.new_data(),
                  headers={'Content-Type': 'application/octet-stream'})

    def download(self, user: Any = ADMIN) -> None:
        self.call('web-download', 'POST', self.on('/import'), {
            'method': {'name': 'web-download', 'uri': self.serve()},
            'stores': self.some_stores(),
            'all_stores_must_succeed': self.random.random() < 0.6}, user)

    def direct(self) -> None:
        self.put('stage', self.on('/stage'), ADMIN)
        self.call('glance-direct', 'POST', self.on('/import'), {
            'method': {'name': 'glance-direct'},
            'stores': self.some_stores()})

    def copy(self) -> None:
        self.call('copy-image', 'POST', self.on('/import'), {
            'method': {'name': 'copy-image'}, 'stores': self.some_stores(2),
            'all_stores_must_succeed': self.random.random() < 0.6})

    def hash(self) -> None:
        self.call('hash', 'POST', self.on('/hash'), {})

    def verify(self) -> None:
        self.call('verify', 'POST', self.on('/verify'),
                  {'repair': self.random.random() < 0.8})

    def export(self) -> None:
        self.call('export', 'POST', self.on('/export'),
                  {'location': f'{self.case.target.url}/{self.image}'})

    def drain(self) -> None:
        self.did.append('drain')
        self.case.drain()

    def delete(self) -> None:
        self.call('delete', 'DELETE', self.on(''))

    def remove(self) -> None:
        # Once: what two of Glance's own removals do to each other is theirs.
        if self.removing:
            return
        self.removing.append(True)
        store = self.random.choice(STORES)
        self.call(f'remove {store}', 'DELETE',
                  f'/v2/stores/{store}/{self.image}')

    def deactivate(self) -> None:
        self.call('deactivate', 'POST', self.on('/actions/deactivate'))

    def cancel(self) -> None:
        if self.actions:
            self.call('cancel', 'DELETE', '/v2/image-actions/'
                      + self.random.choice(self.actions))

    def put_foreign(self) -> None:
        """Put something under the id into a store where nothing is."""
        store = self.random.choice(STORES)
        file = self.file(store)
        with contextlib.suppress(FileExistsError), open(file, 'xb') as made:
            made.write(FOREIGN)
            self.foreign[store] = FOREIGN
            self.did.append(f'foreign in {store}')

    # The schedule ---------------------------------------------------------

    def begin(self) -> None:
        kind = self.random.choice(('id', 'id', 'image', 'image', 'queued'))
        self.did.append(kind)
        kinds: list[Callable[[], None]]
        if kind == 'id':
            kinds = [self.import_location, self.import_location,
                     self.import_upload, self.glance_image, self.delete,
                     self.copy, self.verify]
        elif kind == 'queued':
            self.glance.create(id=self.image)
            kinds = [self.download, self.download, self.upload, self.direct,
                     self.delete, self.import_location, self.copy, self.hash]
        else:
            stores = self.some_stores(2)
            # The drain of another schedule may move it on at once.
            with contextlib.suppress(
                    *[AssertionError] * self.case.drains):
                self.glance.upload(self.new_data(), id=self.image,
                                   stores=stores)
            if self.random.random() < 0.3:
                self.glance.sql(
                    'update images set checksum = null, os_hash_algo = null,'
                    ' os_hash_value = null where id = ?', (self.image,))
            kinds = [self.copy, self.copy, self.hash, self.verify,
                     self.verify, self.export, self.delete, self.remove,
                     self.deactivate, self.import_location, self.upload]
            if self.case.drains and self.random.random() < 0.15:
                kinds = [*kinds, *[self.drain] * 6]
        self.bring_faults()
        if self.random.random() < 0.15:
            self.put_foreign()
        for each in self.random.choices(kinds, k=self.random.randint(2, 3)):
            self.start(each)
            time.sleep(self.random.choice((0, self.random.random() * 0.4)))
            if self.random.random() < 0.1:
                self.put_foreign()
            if self.random.random() < 0.2:
                self.cancel()

    def start(self, call: Callable[[], None]) -> None:
        """Have it happen beside what comes next, or before it."""
        if self.random.random() < 0.3:
            call()
            return
        chosen = self.random.getrandbits(32)

        def run() -> None:
            self.random_of(chosen, call)
        self.threads.append(threading.Thread(target=run, daemon=True))
        self.threads[-1].start()

    def random_of(self, seed: int, call: Callable[[], None]) -> None:
        """Call with what is drawn there drawn from a seed of its own."""
        beside = object.__new__(Schedule)
        beside.__dict__ = {**self.__dict__, 'random': random.Random(seed)}
        getattr(beside, call.__name__)()

    def bring_faults(self) -> None:
        for _ in range(self.random.choice((0, 1, 1, 2))):
            fault: dict[str, Any] = {
                'kind': self.random.choice(('raise', 'slow', 'stall')),
                'operation': self.random.choice(('add', 'add', 'get')),
                'store': self.random.choice(STORES),
                'at': self.random.randrange(SIZE)}
            if fault['kind'] == 'raise':
                fault['times'] = self.random.choice((1, 1, None))
                fault['error'] = self.random.choice((
                    'StorageFull', 'OSError', 'RemoteServiceUnavailable'))
            elif fault['kind'] == 'stall':
                fault['seconds'] = 0.7
                fault['times'] = 1
            else:
                fault['bytes_per_second'] = SIZE * self.random.choice((1, 4))
            self.did.append(str(fault))
            with self.case.faulting:
                self.faults.append(self.glance.fault(
                    image=self.image, **fault))

    def end(self) -> None:
        """Wait until all has ended; see that all is right."""
        for thread in self.threads:
            thread.join(120)
        with self.case.faulting:
            self.glance.clear_faults('none', *self.faults)
        for action in self.actions:
            with contextlib.suppress(AssertionError):
                ended = self.glance.wait_action(action, 90)
                self.did.append(f'{ended["action_type"]} {ended["status"]} '
                                f'{ended["error"] and ended["error"]["code"]}')
        try:
            cases.until(lambda: not self.problems(), 60)
            self.glance.request('DELETE', self.on(''))
            cases.until(lambda: not self.problems(), 60)
        except AssertionError:
            raise AssertionError(self.problems(), self.did) from None

    # What is seen then ----------------------------------------------------

    def file(self, store: str) -> Path:
        return self.glance.store_file(store, self.image)

    def problems(self) -> list[str]:
        """Return what is not as it has to be."""
        found = [
            f'there is a row: {tuple(row)}' for row in self.glance.sql(
                "select status, deleted from images where id = ? and (status "
                "= 'reserved' or (deleted = 0 and status = 'importing'))",
                (self.image,))
            # A job of Glance's own that fails may leave an image so.
            if row[0] == 'reserved' or 'glance-direct: 202' not in self.did]
        found += [f'locked by {row[0]}' for row in self.glance.sql(
            "select value from image_properties where name = "
            "'os_glance_import_task' and deleted = 0 and image_id = ?",
            (self.image,))]
        shown = self.glance.request('GET', self.on(''))
        recorded = set()
        if shown.status == 200:
            recorded = {os.path.basename(os.path.dirname(row[0]))
                        for row in self.glance.sql(
                'select value from image_locations where deleted = 0 and '
                'image_id = ?', (self.image,))}
            if shown.json['status'] == 'active':
                found += self.problems_of_data(shown.json, recorded)
        for store in STORES:
            file = self.file(store)
            if store in self.foreign:
                if not file.exists() or file.read_bytes() != FOREIGN:
                    found.append(f'what was in {store} is not there')
            elif file.exists() and store not in recorded and (
                    # A job of Glance's own may leave it, when none of ours
                    # has been at the image.
                    self.actions or 'glance-direct: 202' not in self.did):
                found.append(f'nobody records what is in {store}')
        return found

    def problems_of_data(self, shown: Any, recorded: set[str]) -> list[str]:
        found = [] if recorded else ['active without a location']
        held = set()
        for store in recorded:
            file = self.file(store)
            held.add(file.read_bytes() if file.exists() else None)
            if not held <= set(self.data):
                found.append(f'{store} has not the data')
        if len(held) > 1:
            found.append('the copies differ')
        got = self.glance.request('GET', self.on('/file'))
        if got.status != 200 or got.body not in held:
            found.append(f'a download gives {len(got.body)} bytes, '
                         f'{got.status}')
        return found
