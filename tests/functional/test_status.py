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
"""``glance-ext-status upgrade check`` on good and on bad configurations."""

import unittest

from tests.harness import commands
from tests.harness import glance


class StatusTest(unittest.TestCase):

    def setUp(self):
        self.glance = glance.Glance(
            config={'DEFAULT': {'http_retries': 2}})
        self.addCleanup(self.glance.stop)
        self.glance.prepare()

    def check(self, status, **config):
        """Run it with these options; return what it says of each check."""
        self.glance.configure(config)
        path = self.glance.directory / 'etc' / 'glance-api.conf'
        command = commands.Command(
            'glance_ext.cmd.status',
            ['--config-file', str(path), 'upgrade', 'check'],
            self.glance.directory)
        self.addCleanup(command.kill)
        out, errors = command.communicate()
        self.assertEqual(status, command.returncode, out + errors)
        return ' '.join(out.replace('|', ' ').split())

    def paste(self, change):
        path = self.glance.directory / 'etc' / 'glance-api-paste.ini'
        path.write_text(change(path.read_text()))

    def test_all_is_well(self):
        out = self.check(0)
        for name in ('Release of Glance', 'Filter in the pipeline',
                     'Policies', 'Lock path', 'Imports and staging',
                     'Conversion', 'Task types', 'Signatures', 'Stores',
                     'Retries', 'Workers'):
            self.assertIn(f'Check: {name} Result: Success', out)

    def test_the_filter_is_not_there_or_not_in_its_place(self):
        self.paste(lambda text: text.replace(
            ' context glance_ext', ' glance_ext context'))
        self.assertIn('has to stand right after the context', self.check(2))
        self.paste(lambda text: text.replace(' glance_ext context',
                                             ' context'))
        self.assertIn('Filter in the pipeline Result: Failure', self.check(2))

    def test_warnings_end_with_1(self):
        out = self.check(1, DEFAULT={'http_retries': 0}, glance_ext={
            'task_types': 'own'}, oslo_concurrency={'lock_path': None},
            wsgi={'python_interpreter': None})
        for name in ('Lock path', 'Conversion', 'Task types', 'Retries'):
            self.assertIn(f'Check: {name} Result: Warning', out)

    def test_no_imports_and_no_jobboard(self):
        out = self.check(
            2, DEFAULT={'enabled_import_methods': '[]'}, glance_ext={
                'executor': 'jobboard',
                'jobboard_url': 'redis://127.0.0.1:1/0'})
        self.assertIn('Check: Imports and staging Result: Warning', out)
        self.assertIn('Check: Workers Result: Failure Details: The jobboard '
                      'does not answer', out)

    def test_a_configuration_that_cannot_be_read_ends_with_255(self):
        self.check(255, glance_ext={'executor': 'elsewhere'})
