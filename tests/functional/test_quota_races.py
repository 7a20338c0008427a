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
"""``user_storage_quota`` holds, however many transfers run at once."""

from tests.functional import quota_life
from tests.functional.import_life import STORES
from tests.functional.import_life import ImportCase
from tests.functional.import_life import changed
from tests.functional.quota_life import SIZE
from tests.functional.quota_life import TOGETHER
from tests.functional.quota_life import WIDE
from tests.harness.backends import http
from tests.harness.soaking import soak

#: Of the default store and of others, so much is left.
_MOST = 5
QUOTA = _MOST * SIZE + 1000


class QuotaRaceCase(ImportCase):
    """Twenty at once, each of 1 MiB, where five may be stored."""

    arguments = {'stores': STORES, 'config': changed(
        DEFAULT={'http_retries': 0, 'user_storage_quota': str(QUOTA)},
        **WIDE)}

    def setUp(self):
        super().setUp()
        self.crowd = quota_life.Crowd(
            self.glance, self.enterContext(http.Server()))
        self.crowd.delete()
        self.addCleanup(self.crowd.delete)

    def assertHeld(self, outcomes, most=_MOST):
        """As many got their room as there is, and all others were told."""
        self.assertLessEqual(self.crowd.used(), QUOTA)
        self.assertEqual(most, outcomes.count('success'), outcomes)
        for each in outcomes:
            if each != 'success':
                self.assertIn('user_storage_quota', each)

    def copy(self):
        """Copy images for which there is room, to where there is none."""
        self.crowd.data = self.crowd.data[:200 << 10]
        images = [self.glance.upload(self.crowd.data, stores=('fast',))
                  for _ in range(TOGETHER)]
        left = (QUOTA - self.crowd.used()) // (200 << 10)
        self.assertHeld(self.crowd.copies(images), left)


class QuotaRaceTest(QuotaRaceCase):
    """Each kind of a transfer."""

    def test_uploads(self):
        self.assertHeld(self.crowd.uploads())

    @soak
    def test_uploads_of_unknown_size(self):
        self.assertHeld(self.crowd.uploads(chunked=True))

    @soak
    def test_imports_from_locations(self):
        self.assertHeld(self.crowd.locations())

    def test_imports_of_unknown_size(self):
        self.assertHeld(self.crowd.locations(framing='chunked'))

    def test_downloads(self):
        self.assertHeld(self.crowd.downloads())

    @soak
    def test_downloads_of_unknown_size(self):
        self.assertHeld(self.crowd.downloads(framing='chunked'))

    def test_copies(self):
        self.copy()
