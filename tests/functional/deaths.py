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
"""Every kind of action, with what it has to leave whether done or undone.

``ask`` sends the request; ``whole`` sees that a success is one, and
``undone`` that a failure left nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any
import uuid

from tests.functional import disks
from tests.functional.hash_life import DATA
from tests.functional.hash_life import digests
from tests.functional.hash_life import fields
from tests.functional.import_life import copying
from tests.functional.import_life import downloading
from tests.functional.verify_life import flip

DISK = disks.qcow2()
WRONG = {'os_hash_algo': 'sha256', 'os_hash_value': 'ab' * 32}


@dataclasses.dataclass
class Kind:
    """An action on an image.

    :ivar case: the test, an ``ImportCase`` with ``server``, ``target`` and
        ``refusing``
    :ivar code: of the error that it ends in when nothing disturbs it
    :ivar bytes: what it does to the image's objects: ``get``, ``add``
    """

    case: Any
    code: str | None = None
    bytes: tuple[str, ...] = ('get',)

    def prepare(self) -> None:
        """Make what it is about. ``mark`` tells it from all others."""
        self.mark = self.image = self.make()
        self.before = self.case.rows(self.image)
        self.objects = self.case.objects(self.image)
        self.known = self.actions()

    def actions(self) -> set[str]:
        """Return the actions on it, the copies that it is made of too."""
        return {row[0] for row in self.case.glance.sql(
            'select id from tasks join task_info on id = task_id '
            'where image_id = ? or input like ?',
            (self.mark, f'%{self.mark}%'))}

    def make(self) -> str:
        raise NotImplementedError

    def ask(self) -> Any:
        raise NotImplementedError

    def post(self, path: str, body: Any, image: str | None = None) -> Any:
        return self.case.glance.request(
            'POST', f'/v2/images/{image or self.image}/{path}', body)

    def whole(self, action: Any) -> None:
        self.case.assertUsable(self.image)

    def undone(self, action: Any) -> None:
        self.case.assertEqual(self.before, self.case.rows(self.image))
        self.case.assertEqual(self.objects, self.case.objects(self.image))


class Hash(Kind):
    def make(self) -> str:
        return str(self.case.glance.legacy(DATA, stores=['fast']))

    def ask(self) -> Any:
        return self.post('hash', {})

    def whole(self, action: Any) -> None:
        super().whole(action)
        self.case.assertEqual(
            digests(), fields(self.case.glance, self.image))


class HashOfOther(Hash):
    """The recorded checksum is that of other data."""

    def make(self) -> str:
        image = super().make()
        self.case.glance.sql('update images set checksum = ? where id = ?',
                             ('0' * 32, image))
        return image


class Rehash(Hash):
    def make(self) -> str:
        return str(self.case.glance.upload(DATA, stores=['fast']))

    def ask(self) -> Any:
        return self.post('hash', {'rehash': True})


class Copy(Kind):
    stores = {'fast', 'slow', 'cold'}

    def make(self) -> str:
        return str(self.case.glance.upload(DATA, stores=['fast']))

    def ask(self) -> Any:
        return self.post('import', copying('slow', 'cold'))

    def whole(self, action: Any) -> None:
        super().whole(action)
        self.case.assertEqual(self.stores, self.case.stores(self.image))
        for store in self.stores:
            self.case.assertEqual(DATA, self.case.glance.store_file(
                store, self.image).read_bytes())
        self.case.assertEqual(('', ''), self.case.lists(self.image))


class CopyToFull(Copy):
    """One of the stores is full, so that the others are undone."""

    def make(self) -> str:
        image = super().make()
        self.case.glance.fault('raise', 'add', store='cold', image=image,
                               error='StorageFull')
        return image


class Download(Copy):
    stores = {'fast', 'slow'}
    digest = hashlib.sha256(DATA).hexdigest()

    def make(self) -> str:
        return str(self.case.glance.create()['id'])

    def ask(self) -> Any:
        uri = self.case.server.serve(f'/{self.image}', DATA)
        return self.post('import', downloading(
            uri, *sorted(self.stores), os_hash_algo='sha256',
            os_hash_value=self.digest))


class DownloadOfOther(Download):
    digest = WRONG['os_hash_value']


class Import(Kind):
    """Data at a URI; there is no image before it."""

    more: dict[str, Any] = {}

    def prepare(self) -> None:
        self.mark = f'import-{uuid.uuid4()}'
        self.known = set()

    def ask(self) -> Any:
        uri = self.case.server.serve(f'/{self.mark}', DISK)
        return self.case.glance.request('POST', '/v2/image-imports', {
            'location': uri, 'stores': ['fast', 'slow'], **self.more})

    def whole(self, action: Any) -> None:
        self.case.assertUsable(action['image_id'], DISK)
        self.case.assertEqual({'fast', 'slow'},
                              self.case.stores(action['image_id']))

    def undone(self, action: Any) -> None:
        self.case.assertIsNone(action['image_id'])


class ImportOfOther(Import):
    more = WRONG


class Uploaded(Import):
    """Data that is uploaded; an upload that breaks off is one to repeat."""

    def ask(self) -> Any:
        glance = self.case.glance
        answer = glance.request('POST', '/v2/image-imports', {
            'stores': ['fast', 'slow'],
            'image_properties': {'name': self.mark}})
        path = answer.headers['Location'].removeprefix(glance.url)
        sent = {'Content-Type': 'application/octet-stream'}
        return glance.request('PUT', f'{path}/file', body=DISK, headers=sent)


class Export(Kind):
    def make(self) -> str:
        return str(self.case.glance.upload(DATA, stores=['fast']))

    def where(self) -> str:
        return f'{self.case.target.url}/{self.image}'

    def ask(self) -> Any:
        return self.post('export', {'location': self.where()})

    def whole(self, action: Any) -> None:
        super().whole(action)
        self.undone(action)


class ExportRefused(Export):
    def where(self) -> str:
        return f'{self.case.refusing.url}/{self.image}'


class Verify(Kind):
    def make(self) -> str:
        return str(self.case.glance.upload(DATA, stores=['fast', 'slow']))

    def ask(self) -> Any:
        return self.post('verify', {})

    def whole(self, action: Any) -> None:
        super().whole(action)
        for verdict in action['result']['stores'].values():
            self.case.assertEqual('good', verdict['verdict'])


    def undone(self, action: Any) -> None:
        """Each copy is told what it was found to be, and nothing else."""
        self.case.assertUsable(self.image)
        self.case.assertEqual({'fast', 'slow'}, self.case.stores(self.image))
        self.case.assertEqual(self.objects, self.case.objects(self.image))


class VerifyOfBad(Verify):
    def make(self) -> str:
        image = super().make()
        self.case.glance.store_file('slow', image).write_bytes(flip(DATA))
        return image


class Repair(VerifyOfBad):
    def ask(self) -> Any:
        return self.post('verify', {'repair': True})

    def whole(self, action: Any) -> None:
        super().whole(action)
        self.case.assertEqual({'fast', 'slow'}, self.case.stores(self.image))
        self.case.assertEqual(DATA, self.case.glance.store_file(
            'slow', self.image).read_bytes())

    def undone(self, action: Any) -> None:
        """The bad copy may be gone: a good one is read in any case."""
        self.case.assertUsable(self.image)
        self.case.assertIn('fast', self.case.stores(self.image))
        self.case.assertEqual(
            sorted(f'{store}/{self.image}'
                   for store in self.case.stores(self.image)),
            self.case.objects(self.image))


def kinds(case: Any) -> dict[str, Any]:
    """Return ``{name: what makes one of that kind}``."""
    both = ('get', 'add')
    return {
        'hash': lambda: Hash(case),
        'hash of other data': lambda: HashOfOther(case, 'hash_mismatch'),
        'hash again': lambda: Rehash(case),
        'copy-image': lambda: Copy(case, bytes=both),
        # How far the other store comes differs.
        'copy-image to a full store': lambda: CopyToFull(
            case, 'store_full', ()),
        'web-download': lambda: Download(case, bytes=('add',)),
        'web-download of other data': lambda: DownloadOfOther(
            case, 'hash_mismatch', ('add',)),
        'import': lambda: Import(case, bytes=('add',)),
        'import of other data': lambda: ImportOfOther(
            case, 'hash_mismatch', ()),
        'import of an upload': lambda: Uploaded(case, bytes=('add',)),
        'export': lambda: Export(case),
        'export that is refused': lambda: ExportRefused(
            case, 'remote_refused'),
        'verify': lambda: Verify(case),
        'verify of a bad copy': lambda: VerifyOfBad(case, 'bad_copy'),
        'repair': lambda: Repair(case, bytes=both),
    }
