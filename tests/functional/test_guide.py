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
"""What the documentation tells its readers to run is run.

``WRITE=1`` writes the transcripts that the pages include anew.
"""

import os
import re
import shutil
import unittest

from tests.functional import cases
from tests.functional import guide_cloud
from tests.harness import pages

#: The programs that do nothing to whoever runs the tests.
RUN = ('openstack', 'glance-ext', 'glance-ext-manage', 'glance-ext-status',
       'curl', 'oslopolicy-sample-generator', 'cd /etc/glance &&', 'complete')
#: What is not run here, by its beginning, and why.
NOT_RUN = {
    r'make (demo|test)$': 'runs what runs this, and asks for nothing else',
    r'(/opt/glance/bin/)?pip ': 'make release-check installs the package',
    r'WRITE=1 ': 'runs this, and writes into the documentation',
    r'tempest run ': 'make tempest runs it',
    r'systemctl stop ': 'stops a service of the host',
    r'glance-ext-worker ': 'runs until it is stopped; services.test_workers',
}
#: Transcripts that another test writes and compares.
ELSEWHERE = {'backfill.txt': 'services.test_osc_transcript'}
#: What looks like a command of a reader.
PROMPT = re.compile(
    r'^ *(\$ |# (?=glance-ext|systemctl|service|apt|dnf|pip|/opt/))',
    re.MULTILINE)


def is_listed(command):
    """Whether a command is one of those that are not run."""
    line = command.line.lstrip('#$ ')
    return any(re.match(beginning, line) for beginning in NOT_RUN)


class GuideCase(cases.HashCase):
    arguments = guide_cloud.ARGUMENTS

    def cloud(self, page, lasting=False):
        cloud = guide_cloud.Cloud(page, lasting)
        self.addCleanup(cloud.close)
        return cloud


class PagesTest(GuideCase):
    """Every command of every page, in its order."""

    def follow(self, *paths):
        self.assertTrue(paths)
        for page in paths:
            found = [command for command in pages.commands(page)
                     if not is_listed(command)]
            cloud = self.cloud(page.read_text('utf-8')) if found else None
            for command in found:
                for line in pages.variants(command.line):
                    with self.subTest(page.name, line=line):
                        self.check(cloud, line, command.output)
            self.doCleanups()

    def check(self, cloud, line, shown):
        if 'curl ' in line and not shutil.which('curl'):
            self.skipTest('curl is not installed')
        self.assertTrue(
            line.lstrip('#$ ').startswith(tuple(f'{each} ' for each in RUN)),
            'neither to be run nor listed')
        status, output = cloud.run(line)
        self.assertEqual(0, status, output)
        lines = iter(output.splitlines())
        for each in shown:
            pattern = guide_cloud.pattern(each, cloud)
            self.assertTrue(
                any(pattern.fullmatch(line) for line in lines),
                f'{each}\nis not in its place in\n{output}')

    def test_the_user_guide(self):
        self.follow(*pages.SOURCE.glob('user/*.rst'))

    def test_the_command_reference(self):
        self.follow(*pages.SOURCE.glob('cli/*.rst'))

    def test_the_administrators_guide(self):
        self.follow(*pages.SOURCE.glob('admin/*.rst'))

    def test_every_other_page(self):
        self.follow(*(page for page in pages.all_pages()
                      if page.parent.name not in ('user', 'cli', 'admin')))

    def test_requests_in_sentences(self):
        found = set().union(*map(pages.requests, pages.all_pages()))
        # The pages warn of that one.
        found.discard(('POST', '/v2/tasks'))
        cloud = self.cloud('')
        for method, path in sorted(found):
            with self.subTest(f'{method} {path}'):
                answer = cloud.ask(method, path)
                self.assertLess(answer.status, 300, answer.text)


class TranscriptsTest(GuideCase):
    """What the pages show of a terminal."""

    def test_each_is_what_happens(self):
        found = set().union(*map(pages.transcripts, pages.all_pages()))
        for path in sorted(found):
            if path.name not in ELSEWHERE:
                with self.subTest(path.name):
                    self.compare(path)
                self.doCleanups()

    def compare(self, path):
        text = path.read_text('utf-8')
        cloud = self.cloud(text, lasting=True)
        cloud.prepare(text)
        lines = []
        for command in pages.parse(text):
            status, output = cloud.run(command.line)
            self.assertEqual(0, status, output)
            lines += ['', command.line, *output.splitlines()]
        shown = guide_cloud.alike('\n'.join(lines[1:]) + '\n', cloud)
        if os.environ.get('WRITE'):
            path.write_text(shown, 'utf-8')
        self.assertEqual(path.read_text('utf-8'), shown)


class ListTest(unittest.TestCase):
    """What is not run is no more than what is listed."""

    def test_what_is_listed_is_there(self):
        lines = [command.line.lstrip('#$ ') for page in pages.all_pages()
                 for command in pages.commands(page)]
        for beginning in NOT_RUN:
            with self.subTest(beginning):
                self.assertTrue(any(
                    re.match(beginning, line) for line in lines))
        names = {path.name for page in pages.all_pages()
                 for path in pages.transcripts(page)}
        self.assertLessEqual(set(ELSEWHERE), names)

    def test_no_command_is_where_it_is_not_found(self):
        for page in pages.all_pages():
            with self.subTest(page.name):
                found = [command for command in pages.commands(page)
                         if PROMPT.match(command.line)]
                text = page.read_text('utf-8')
                self.assertEqual(len(PROMPT.findall(text)), len(found))
