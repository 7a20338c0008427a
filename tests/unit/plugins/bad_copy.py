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
"""An image with a good and a bad copy, and an action that reads both."""

from glance_ext import errors
from glance_ext.plugins import verify
from glance_ext.stores import fixture
from tests.unit import stored
from tests.unit.stored import DATA

BAD = DATA[:-1] + b'!'


class BadCopyCase(stored.StoredCase):
    """The copy in ``slow`` is bad, that in ``fast`` is good."""

    def have(self, *faults, result=None, bad=BAD, **image):
        self.install(fast=fixture.Store(tidy=False),
                     slow=fixture.Store(faults, tidy=False))
        self.add_stored(**image)
        self.good = self.add_copy('fast')
        self.bad = self.add_copy('slow', bad)
        self.own(result)

    def own(self, result=None):
        action = self.add_action(
            'verify', stores=['fast', 'slow'], repair=True, result=result)
        self.run_ = self.start(action, verify.STATUSES)

    def verdict(self):
        """Return what the action says of the copy in ``slow``."""
        try:
            verify.Verify().run(self.run_)
        except errors.BadCopy as exc:
            return exc.result['stores']['slow']
        return self.run_.action.result['stores']['slow']

    def left_as_it_was(self):
        self.assertEqual({'fast': DATA, 'slow': BAD}, self.held())
        self.assertEqual({'fast': self.good, 'slow': self.bad},
                         self.recorded())
