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
"""What others undo afterwards, and processes that die."""

from tests.functional.download_life import SECRET
from tests.functional.hash_life import DATA
from tests.functional.hash_life import until
from tests.functional.import_life import STORES
from tests.functional.import_life import ImportCase
from tests.functional.import_life import changed
from tests.functional.import_life import copying
from tests.functional.import_life import downloading
from tests.functional.import_life import staged
from tests.harness.backends import http

#: A process that died is noticed within this and a quarter, in seconds.
DEAD = 30


class UpkeepCase(ImportCase):
    """Tests on a Glance that may be killed."""

    arguments = {'stores': STORES, 'config': changed(
        DEFAULT={'http_retries': 1})}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = http.Server()
        cls.addClassCleanup(cls.server.stop)

    def killed(self, image, body, fault='add', **how):
        """Begin an import, kill the process, return the ended action."""
        action, held = self.stalled(image, body, fault, at=65536, **how)
        self.glance.kill()
        self.glance.clear_faults(held)
        self.glance.start()
        return self.glance.wait_action(action, DEAD)


class StaleSaveTest(UpkeepCase):
    """A request that read the image before saves it as it was."""

    def locations(self, image):
        return self.glance.sql(
            'select id, deleted from image_locations where image_id = ? '
            'order by id', (image,))

    def take_away(self, location):
        self.glance.sql(
            "update image_locations set deleted = 1, status = 'deleted' "
            'where id = ?', (location,))

    def test_what_was_undone_is_put_right(self):
        copied = self.glance.upload(DATA, stores=('fast',))
        self.copy(copied, 'slow')
        removed = self.glance.upload(DATA, stores=('fast',))
        self.copy(removed, 'slow')
        fetched = self.glance.create()['id']
        self.run_import(fetched, downloading(
            self.server.serve('/image', DATA), 'slow'))
        failed = self.glance.upload(DATA, stores=('fast',))
        held = self.glance.fault('raise', 'add', store='cold', image=failed,
                                 at=200_000)
        self.copy(failed, 'slow', 'cold')
        self.glance.clear_faults(held)

        for image in (copied, removed):
            self.take_away(self.locations(image)[1][0])
        # Somebody who meant it deleted the data as well.
        self.glance.store_file('slow', removed).unlink()
        self.set_list(copied, 'slow')
        self.glance.sql("update images set status = 'importing', size = "
                        'null, os_hash_value = null where id = ?', (fetched,))
        self.glance.sql('update image_locations set deleted = 0, status = '
                        "'active' where image_id = ?", (failed,))

        until(lambda: self.stores(copied) == {'fast', 'slow'}
              and self.lists(copied) == ('', ''))
        until(lambda: self.glance.image(fetched)['status'] == 'active')
        until(lambda: self.stores(failed) == {'fast'})
        for image in (copied, fetched, failed):
            self.assertUsable(image)
        self.assertEqual(len(DATA), self.glance.image(fetched)['size'])
        self.assertEqual({'fast'}, self.stores(removed))

    def set_list(self, image, stores):
        self.glance.sql(
            'update image_properties set value = ? where image_id = ? and '
            "name = 'os_glance_importing_to_stores'", (stores, image))

    def test_data_that_a_deletion_did_not_know_of_is_deleted(self):
        image = self.glance.upload(DATA, stores=('fast',))
        self.copy(image, 'slow')
        path = self.glance.store_file('slow', image)
        self.glance.request('DELETE', f'/v2/images/{image}')
        path.write_bytes(DATA)
        until(lambda: not path.exists())


class LeftTest(UpkeepCase):
    """A store that a copy did without, and that could not be cleared."""

    arguments = {'stores': STORES, 'config': changed()}

    def left(self):
        """Return an image of which something lies in a store, and where."""
        image = self.glance.upload(DATA, stores=('fast',))
        held = self.glance.fault('stall', 'add', store='cold', image=image,
                                 at=65536)
        action = self.copy(image, 'slow', 'cold', allow_failure=True)
        self.assertEqual(['cold'], action['result']['failed_stores'])
        store = self.glance.store_file('cold', image).parent
        (path,) = store.glob(f'{image}*')
        return image, held, path

    def test_it_is_cleared_as_soon_as_it_can_be(self):
        _image, held, path = self.left()
        self.glance.clear_faults(held)
        until(lambda: not path.exists())

    def test_so_it_is_where_the_process_died(self):
        image, held, path = self.left()
        self.glance.kill()
        self.glance.clear_faults(held)
        self.assertTrue(path.exists())
        self.glance.start()
        # The first request begins it.
        self.assertEqual({'fast', 'slow'}, self.stores(image))
        until(lambda: not path.exists())

    def test_the_next_copy_clears_it_however_late(self):
        image, held, path = self.left()
        self.glance.kill()
        self.glance.clear_faults(held)
        # Nobody looks after it any more.
        self.glance.sql("update tasks set updated_at = '2020-01-01 00:00:00' "
                        'where image_id = ?', (image,))
        self.glance.start()
        self.assertTrue(path.exists())
        self.assertCopied(self.copy(image, 'cold'), image, 'cold')


class DeadTest(UpkeepCase):
    """Another process goes on; here the same one, started again."""

    def test_a_copy_keeps_what_is_recorded_and_goes_on_with_the_rest(self):
        image = self.glance.upload(DATA, stores=('fast',))
        inode = []

        def seen():
            path = self.glance.store_file('slow', image)
            if 'slow' in self.stores(image):
                inode.append(path.stat().st_ino)
            return inode

        fault = self.glance.fault('stall', 'add', store='cold', image=image,
                                  at=65536)
        action = self.begin(image, copying('slow', 'cold'))
        until(seen)
        self.glance.kill()
        self.glance.clear_faults(fault)
        self.glance.start()
        self.assertCopied(self.glance.wait_action(action, DEAD), image,
                          'slow', 'cold')
        self.assertEqual(inode[:1], [self.glance.store_file(
            'slow', image).stat().st_ino])

    def test_a_download_goes_on_unless_its_credentials_are_lost(self):
        uri = self.server.serve('/image', DATA)
        image = self.glance.create()['id']
        self.assertCopied(self.killed(image, downloading(uri, 'slow')),
                          image, 'slow')
        image = self.glance.create()['id']
        before = self.rows(image)
        action = self.killed(image, downloading(f'{uri}?{SECRET}', 'slow'))
        self.assertUndone(action, 'credentials_lost', before, [])
        self.assertEqual([], staged(self.glance))


class KeyTest(UpkeepCase):
    """With ``secret_key``."""

    arguments = {'stores': ('fast', 'slow', 'cold'), 'config': changed(
        DEFAULT={'http_retries': 1},
        glance_ext={'secret_key': 'a secret of the tests'})}

    def test_a_download_with_credentials_goes_on(self):
        uri = self.server.serve('/image', DATA) + '?' + SECRET
        image = self.glance.create()['id']
        self.assertCopied(self.killed(image, downloading(uri, 'slow')),
                          image, 'slow')
        rows = str(self.glance.sql('select * from task_info'))
        self.assertNotIn(SECRET, rows + self.glance.log())
