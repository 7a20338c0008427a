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


"""Which service is used, and that nobody gets it without asking."""

import pathlib
import subprocess
import sys
import unittest

from oslo_config import cfg

from glance_ext.compat import errors
from glance_ext.compat import options
from glance_ext.compat import service
from glance_ext.compat import service_v2
from glance_ext.hacking import source

ROOT = pathlib.Path(__file__).parents[3]

# Glance, with our filter: what any operator has who turns nothing on.
LOADED = """
import sys
from glance_ext.api import middleware, routes
from glance_ext.cmd import manage
from glance_ext import conf, policies
import glance_ext.compat
print([n for n in sys.modules if n.startswith('glance_ext.compat.')])
"""
V2_LOADED = """
import sys
from glance_ext.compat import service
print([n for n in sys.modules if n.startswith('glance_ext.compat.v1')])
"""


def config(**values):
    conf = cfg.ConfigOpts()
    conf([])
    options.register_opts(conf)
    for name, value in values.items():
        conf.set_override(name, value, 'glance')
    return conf


class VersionTest(unittest.TestCase):
    def test_version_2_unless_asked_otherwise(self):
        found = service.get_default_image_service(config())
        self.assertIsInstance(found, service_v2.GlanceImageServiceV2)
        found, image = service.get_remote_image_service(
            None, 'http://g/v1/images/i', config()
        )
        self.assertIsInstance(found, service_v2.GlanceImageServiceV2)
        self.assertEqual(
            ('i', 'http://g'), (image, found.servers.next(None))
        )

    def test_version_1_with_one_warning(self):
        conf = config(use_glance_v1=True)
        with self.assertLogs('glance_ext.compat.service') as caught:
            for _ in range(3):
                found = service.get_default_image_service(conf)
                self.assertEqual('GlanceImageService', type(found).__name__)
            service.get_remote_image_service(None, 'i', conf)
        self.assertEqual(1, len(caught.output))
        self.assertIn('deprecated', caught.output[0])

    def test_a_reference_that_is_none(self):
        with self.assertRaises(errors.InvalidImageRef):
            service.get_remote_image_service(None, 'a/b', config())

    def test_the_options_of_nova_stay(self):
        conf = cfg.ConfigOpts()
        nova = cfg.IntOpt('num_retries', default=7, help="Nova's own.")
        conf.register_opt(nova, group='glance')
        options.register_opts(conf)
        conf([])
        self.assertEqual(7, conf.glance.num_retries)


class OptInTest(unittest.TestCase):
    def run_python(self, text):
        return subprocess.run(
            [sys.executable, '-W', 'ignore', '-c', text],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        ).stdout.strip()

    def test_the_extension_imports_nothing_of_it(self):
        self.assertEqual('[]', self.run_python(LOADED))

    def test_version_2_imports_nothing_of_version_1(self):
        self.assertEqual('[]', self.run_python(V2_LOADED))

    def test_nothing_else_imports_it_and_it_imports_no_nova(self):
        for path in (ROOT / 'glance_ext').rglob('*.py'):
            file = source.Source(path.relative_to(ROOT), path.read_text())
            for found in file.imports:
                with self.subTest(path, name=found.name):
                    self.assertNotEqual('nova', found.root)
                    if file.floor != 'compat':
                        self.assertFalse(
                            found.name.startswith('glance_ext.compat')
                        )
