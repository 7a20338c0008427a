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

"""``glance-ext-manage`` and the files of ``etc/paste.d``, put to a Glance.

Each file is loaded by a real Glance, through PasteDeploy, once for each of
its flavours. Whether our filter is in the flavour is what a request shows.
"""

import configparser
import json
import os
import subprocess
import unittest

from glance_ext.cmd import paste_ini
from tests.harness import glance
from tests.harness import settings
from tests.harness import users
from tests.harness import venvs

EXAMPLES = venvs.ROOT / 'etc' / 'paste.d'
FLAVOURS = (
    '',
    'caching',
    'cachemanagement',
    'keystone',
    'keystone+caching',
    'keystone+cachemanagement',
)

# What answers in each flavour: our discovery, and the one of Glance's own.
ASK = """
import json, sys
from glance.common import config, wsgi_app
import webob
wsgi_app.init_app()
token, *flavours = sys.argv[1:]
found = {}
for flavour in flavours:
    config.CONF.set_override('flavor', flavour, 'paste_deploy')
    app = config.load_paste_app('glance-api')
    found[flavour] = [
        webob.Request.blank(path, headers={'X-Auth-Token': token})
        .get_response(app).status_int
        for path in ('/v2/info/glance-ext', '/v2/info/import')
    ]
print(json.dumps(found))
"""


class PasteTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.glance = glance.Glance(extension=False)
        cls.addClassCleanup(cls.glance.stop)
        cls.glance.prepare()
        cls.glance.configure(
            {'DEFAULT': {'image_cache_dir': cls.glance.directory / 'cache'}}
        )
        cls.ini = cls.glance.directory / 'etc' / 'glance-api-paste.ini'
        cls.shipped = (
            cls.glance.venv / 'etc' / 'glance' / 'glance-api-paste.ini'
        ).read_bytes()

    def manage(self, *arguments):
        """Run the program on the file; return what it printed."""
        program = self.glance.venv / 'bin' / 'glance-ext-manage'
        return subprocess.run(
            [str(program), *arguments, '--paste', str(self.ini)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def answers(self):
        """Two statuses for each flavour of the file; see ASK."""
        text = self.ini.read_text()
        self.ini.write_text(settings.paste(text, True, False))
        done = subprocess.run(
            [
                str(self.glance.venv / 'bin' / 'python'),
                '-c',
                ASK,
                users.ADMIN.token,
                *FLAVOURS,
            ],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.glance.directory,
            env={
                'PATH': os.environ['PATH'],
                'OS_GLANCE_CONFIG_DIR': str(self.ini.parent),
                'PYTHONPATH': str(venvs.ROOT),
            },
        )
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    def test_the_shipped_file_there_and_back_again(self):
        self.ini.write_bytes(self.shipped)
        self.assertIn(
            '+use = egg:glance-ext#glance_ext', self.manage('enable')
        )
        self.assertEqual(self.shipped, self.ini.read_bytes())
        self.manage('enable', '--in-place')
        enabled = self.ini.read_bytes()
        self.assertEqual(
            {flavour: [200, 200] for flavour in FLAVOURS}, self.answers()
        )
        self.ini.write_bytes(enabled)
        self.assertEqual('', self.manage('enable', '--in-place'))
        self.manage('disable', '--in-place')
        self.assertEqual(self.shipped, self.ini.read_bytes())
        self.assertEqual(
            {flavour: [404, 200] for flavour in FLAVOURS}, self.answers()
        )

    def test_the_older_form(self):
        example = EXAMPLES / 'glance-api-paste-pipeline.ini'
        older = paste_ini.disable(example.read_text()).replace(
            '[filter:glance_ext]\nuse = egg:glance-ext#glance_ext\n\n', ''
        )
        self.assertNotIn('glance_ext', older)
        self.ini.write_text(older)
        self.manage('enable', '--in-place')
        self.assertEqual(
            {flavour: [200, 200] for flavour in FLAVOURS}, self.answers()
        )

    def test_the_example_files(self):
        for name in ('glance-api-paste', 'glance-api-paste-pipeline'):
            with self.subTest(name):
                self.ini.write_bytes((EXAMPLES / f'{name}.ini').read_bytes())
                self.assertEqual(
                    {flavour: [200, 200] for flavour in FLAVOURS},
                    self.answers(),
                )

    def test_the_snippet_and_one_word(self):
        snippet = (EXAMPLES / 'glance-ext-filter.ini').read_text()
        text = self.shipped.decode().replace(
            ' authtoken context ', ' authtoken context glance_ext '
        )
        self.ini.write_text(text + snippet)
        self.assertEqual(
            {
                flavour: [200 if 'keystone' in flavour else 404, 200]
                for flavour in FLAVOURS
            },
            self.answers(),
        )

    def test_the_composite_example_is_what_glance_ships(self):
        example = (EXAMPLES / 'glance-api-paste.ini').read_text()
        shipped = paste_ini.enable(self.shipped.decode())
        self.assertEqual(sections(shipped), sections(example))


def sections(text):
    """What a file says, whatever the order and the comments."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}
