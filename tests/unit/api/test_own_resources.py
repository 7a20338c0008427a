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
"""What imports and exports say of themselves."""

import unittest
from unittest import mock

from glance_ext.actions import record
from glance_ext.api import own_resources


class StatusTest(unittest.TestCase):
    def said(self, status, phase, **state):
        return own_resources.status(
            mock.Mock(status=status, phase=phase, state=state))

    def test_the_words_of_the_specification(self):
        for status, phase, word in (
                ('pending', record.QUEUED, 'waiting'),
                ('pending', record.READING, 'waiting'),
                ('processing', record.READING, 'uploading'),
                ('processing', record.VERIFYING, 'verifying'),
                ('processing', record.WRITING, 'verifying'),
                ('success', record.ENDED, 'success'),
                ('failure', record.ROLLING_BACK, 'failure')):
            self.assertEqual(word, self.said(status, phase), (status, phase))

    def test_what_was_uploaded_is_not_uploaded_again(self):
        for status, phase, word in (
                ('pending', record.QUEUED, 'verifying'),
                ('processing', record.READING, 'verifying'),
                ('failure', record.ENDED, 'failure')):
            self.assertEqual(word, self.said(status, phase, uploaded=True))
