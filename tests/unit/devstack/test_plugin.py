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

"""The phases of the devstack plugin, with devstack's functions as stubs."""

import configparser
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).parents[3]
HERE = pathlib.Path(__file__).parent
SHIPPED = pathlib.Path(sys.prefix, 'etc/glance/glance-api-paste.ini')

SCRIPT = """
set -eu
source $HERE/functions.sh
source $PLUGIN/override-defaults
source $PLUGIN/settings
source $PLUGIN/plugin.sh "$@"
"""
STACK = ('install', 'post-config', 'extra', 'test-config')


class PluginTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.home = pathlib.Path(directory.name)
        self.conf = self.home / 'glance-api.conf'
        self.conf.write_text('[DEFAULT]\nenabled_backends = x:file\n')
        self.paste = self.home / 'glance-api-paste.ini'
        self.paste.write_text(SHIPPED.read_text())
        self.calls = self.home / 'calls'
        # The real tool takes a while to start: where the pipelines are
        # looked at it does its work, elsewhere nothing does.
        self.bin = self.home
        tool = self.bin / 'glance-ext-manage'
        tool.write_text('#!/bin/sh\n')
        tool.chmod(0o700)

    def run_phase(self, *phase, services='g-api,tempest', **settings):
        """Run a phase; return what it would have installed and started."""
        self.calls.write_text('')
        settings = {
            'HERE': HERE,
            'PYTHON': sys.executable,
            'PLUGIN': ROOT / 'devstack',
            'CALLS': self.calls,
            'DEST': '/opt/stack',
            'DATA_DIR': self.home / 'data',
            'ENABLED_SERVICES': services,
            'GLANCE_BIN_DIR': self.bin,
            'GLANCE_API_CONF': self.conf,
            'GLANCE_API_PASTE_INI': self.paste,
            'GLANCE_IMAGE_IMPORT_CONF': self.home / 'import.conf',
            'GLANCE_MULTISTORE_FILE_IMAGE_DIR': self.home / 'data/glance',
            'TEMPEST_CONFIG': self.home / 'tempest.conf',
            'PATH': os.environ['PATH'],
        } | settings
        subprocess.run(
            ['bash', '-c', SCRIPT, 'bash', *phase, *[''] * (2 - len(phase))],
            check=True,
            env={name: str(value) for name, value in settings.items()},
            stdout=subprocess.DEVNULL,
        )
        lines = self.calls.read_text().splitlines()
        return [line for line in lines if not line.startswith('define_')]

    def stack(self, **settings):
        return [
            call
            for phase in STACK
            for call in self.run_phase('stack', phase, **settings)
        ]

    def option(self, section, name):
        parser = configparser.RawConfigParser(default_section='')
        parser.read(self.conf)
        return parser.get(section, name, fallback=None)

    def test_glance_gets_the_filter_and_three_stores(self):
        self.bin = pathlib.Path(sys.prefix, 'bin')
        self.assertEqual(
            ['setup_develop /opt/stack/glance-ext'], self.stack()
        )
        self.assertIn(
            'context glance_ext cache rootapp', self.paste.read_text()
        )
        self.assertEqual(
            'copy-image,web-download',
            self.option('glance_ext', 'import_methods'),
        )
        self.assertIsNone(self.option('glance_ext', 'executor'))
        weights = []
        for store in ('file1', 'file2', 'file3'):
            self.assertEqual(
                f'{self.home}/data/glance/{store}/',
                self.option(store, 'filesystem_store_datadir'),
            )
            weights.append(int(self.option(store, 'weight')))
        self.assertEqual(sorted(weights, reverse=True), weights)
        tempest = (self.home / 'tempest.conf').read_text()
        for name in ('glance_ext', 'import_image', 'store_weight_enabled'):
            self.assertIn(f'{name} = True', tempest)

    def test_stacking_again_changes_nothing(self):
        files = (self.conf, self.paste, self.home / 'tempest.conf')
        self.stack()
        first = [file.read_text() for file in files]
        self.stack()
        self.assertEqual(first, [file.read_text() for file in files])

    def test_workers_find_their_actions_in_redis(self):
        services = 'g-api,glance-ext-worker'
        calls = self.stack(services=services)
        self.assertEqual(
            ['setup_develop', 'pip_install', 'install_package',
             'start_service', 'run_process'],
            [call.split()[0] for call in calls],
        )
        self.assertTrue(calls[-1].endswith(
            f'glance-ext-worker --config-file {self.conf} '
            f'--config-file {self.home}/import.conf'))
        self.assertEqual('jobboard', self.option('glance_ext', 'executor'))
        self.assertEqual(
            'redis://127.0.0.1:6379',
            self.option('glance_ext', 'jobboard_url'),
        )
        self.assertEqual(
            ['stop_process glance-ext-worker'],
            self.run_phase('unstack', services=services),
        )

    def test_a_redis_elsewhere_is_not_installed(self):
        calls = self.stack(
            services='g-api,glance-ext-worker',
            GLANCE_EXT_JOBBOARD_URL='redis://192.0.2.1:6379',
        )
        self.assertNotIn('install_package redis-server', calls)

    def test_the_stores_are_those_of_local_conf(self):
        self.stack(GLANCE_MULTIPLE_FILE_STORES='fast,slow')
        self.assertIsNotNone(self.option('slow', 'weight'))
        self.assertIsNone(self.option('file1', 'weight'))

    def test_beside_swift_there_are_file_stores_too(self):
        services = 'g-api,s-proxy'
        backends = 'DEFAULT', 'enabled_backends'
        default = 'glance_store', 'default_backend'
        self.stack(services=services, GLANCE_USE_S3='True')
        self.assertEqual('x:file', self.option(*backends))
        self.stack(services=services)
        self.assertEqual('file1:file,file2:file,file3:file',
                         self.option(*backends))
        self.assertEqual('file1', self.option(*default))
        self.run_phase('clean', services=services)
        self.assertIsNone(self.option(*backends))
        self.assertIsNone(self.option(*default))

    def test_a_single_store_stays_one(self):
        self.stack(GLANCE_ENABLE_MULTIPLE_STORES='False')
        self.assertIsNone(self.option('file1', 'weight'))
        self.assertIsNone(self.option('DEFAULT', 'enabled_import_methods'))

    def test_clean_leaves_nothing_and_can_be_run_again(self):
        self.bin = pathlib.Path(sys.prefix, 'bin')
        services = 'g-api,glance-ext-worker,tempest'
        self.stack(services=services)
        for _ in range(2):
            self.assertEqual([], self.run_phase('clean', services=services))
            self.assertEqual(SHIPPED.read_text(), self.paste.read_text())
            for name in ('import_methods', 'executor', 'jobboard_url'):
                self.assertIsNone(self.option('glance_ext', name))
            self.assertIsNone(self.option('file1', 'weight'))
        self.conf.unlink()
        self.paste.unlink()
        self.run_phase('clean', services=services)
        self.assertFalse(self.conf.exists())

    def test_without_glance_nothing_is_done(self):
        before = self.conf.read_text(), self.paste.read_text()
        self.assertEqual([], self.stack(services='key,tempest'))
        self.assertEqual(
            before, (self.conf.read_text(), self.paste.read_text())
        )
