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

import contextlib
import io
import json
import pathlib
import re
import tempfile
import unittest
from unittest import mock
import warnings

from glance.common import config
from oslo_config import cfg

from glance_ext.cmd import server
from glance_ext.cmd import status
from glance_ext.host import setup
from glance_ext.host import supported
from glance_ext.upkeep import checks
from glance_ext.upkeep.checks import BAD
from glance_ext.upkeep.checks import GOOD
from glance_ext.upkeep.checks import WARNING
from glance_ext.upkeep.checks import Finding

PIPELINE = '[pipeline:glance-api]\npipeline = context glance_ext rootapp\n'


class Case(unittest.TestCase):
    """The command has options of its own, so that none are left behind."""

    def setUp(self):
        self.enterContext(warnings.catch_warnings())
        self.folder = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory())
        )
        self.ini = self.folder / 'paste.ini'
        self.ini.write_text(PIPELINE)
        self.options = cfg.ConfigOpts()
        self.options.register_opts(config.paste_deploy_opts, 'paste_deploy')
        self.options.set_default(
            'config_file', str(self.ini), group='paste_deploy'
        )
        self.have(cfg, 'CONF', self.options)
        self.supported = self.have(supported, 'check')
        self.read = self.have(setup, 'read_options', side_effect=self.parse)
        self.prepared = self.have(setup, 'prepare_actions')
        self.database = self.have(server, 'require_database')
        self.have(checks, 'CHECKS', [('Release', lambda: Finding(GOOD))])

    def have(self, module, name, *new, **how):
        return self.enterContext(
            mock.patch.object(module, name, *new, **how)
        )

    def parse(self, arguments, program, usage):
        self.assertEqual('glance-ext-status', program)
        self.assertTrue(usage.startswith('glance-ext-status '), usage)
        self.options(arguments, project='none', default_config_files=[])


class StatusTest(Case):
    def check(self, *more):
        """Return the exit status, standard output and standard error."""
        output, errors = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
        ):
            ended = status.main(['upgrade', 'check', *more])
        words = ' '.join(output.getvalue().replace('|', ' ').split())
        return ended, words, errors.getvalue()

    def result(self, verdict):
        checks.CHECKS.append(('Odd', lambda: Finding(verdict, 'why')))
        ended, words, errors = self.check()
        self.assertEqual('', errors)
        return ended, words.rpartition('Check: Odd Result: ')[2].split()[0]

    def test_a_warning_ends_with_1(self):
        self.assertEqual((1, 'Warning'), self.result(WARNING))

    def test_something_bad_ends_with_2(self):
        self.assertEqual((2, 'Failure'), self.result(BAD))

    def test_all_is_well(self):
        self.assertEqual((0, 'Success'), self.result(GOOD))
        self.prepared.assert_called_once_with()

    def test_json_is_all_that_is_printed_with_json(self):
        ended, output, errors = self.check('--json')
        self.assertEqual((0, ''), (ended, errors))
        self.assertEqual(
            ['Release', 'Filter in the pipeline'],
            [each['check'] for each in json.loads(output)['checks']],
        )

    def test_database_that_does_not_answer(self):
        self.database.side_effect = setup.Unusable('no database')
        self.assertEqual(
            (255, '', 'glance-ext-status: no database\n'), self.check()
        )

    def test_the_pipeline_is_looked_at_second(self):
        checks.CHECKS.append(('Odd', lambda: Finding(GOOD)))
        self.assertEqual(
            ['Release', 'Filter in the pipeline', 'Odd'],
            re.findall('Check: (.*?) Result', self.check()[1]),
        )

    def test_it_has_to_be_a_glance_that_is_supported(self):
        self.supported.side_effect = supported.UnsupportedHost('too old')
        self.assertEqual(
            (255, '', 'glance-ext-status: too old\n'), self.check()
        )

    def test_options_that_cannot_be_read(self):
        self.read.side_effect = setup.Unusable('bad options')
        self.assertEqual(
            (255, '', 'glance-ext-status: bad options\n'), self.check()
        )

    def test_stores_that_cannot_be_set_up(self):
        self.prepared.side_effect = setup.Unusable('bad stores')
        self.assertEqual(
            (255, '', 'glance-ext-status: bad stores\n'), self.check()
        )


class PipelineTest(Case):
    def found(self, text=PIPELINE, **options):
        self.ini.write_text(text)
        self.options([], project='none', default_config_files=[])
        for name, value in options.items():
            self.options.set_override(name, value, 'paste_deploy')
        return status._pipeline()

    def test_the_filter_is_in_its_place(self):
        self.assertEqual(Finding(GOOD), self.found())

    def test_the_pipeline_that_is_served_counts(self):
        text = (
            PIPELINE
            + '[pipeline:glance-api-keystone]\n'
            + 'pipeline = context rootapp\n'
        )
        self.assertEqual(Finding(GOOD), self.found(text))
        self.assertEqual(
            Finding(
                BAD,
                f'{self.ini}: "pipeline" in [pipeline:glance-api-keystone] '
                'has no glance_ext: see glance-ext-manage enable',
            ),
            self.found(text, flavor='keystone'),
        )
        self.assertEqual(
            Finding(BAD, f"{self.ini}: no pipeline for the flavour 'other'"),
            self.found(text, flavor='other'),
        )

    def test_the_filter_stands_right_after_the_context(self):
        for words in (
            'glance_ext context',
            'context cors glance_ext',
            'glance_ext',
        ):
            self.assertEqual(
                Finding(
                    BAD,
                    f'{self.ini}: in "pipeline" in [pipeline:glance-api] '
                    'glance_ext has to stand right after the context: see '
                    'glance-ext-manage enable',
                ),
                self.found(PIPELINE.replace('context glance_ext', words)),
            )

    def test_a_file_without_a_pipeline(self):
        self.assertEqual(
            Finding(
                BAD,
                f'{self.ini}: no pipeline found: neither a composite of '
                'glance.api:pipeline_factory nor a section [pipeline:...]',
            ),
            self.found('[filter:context]\n'),
        )

    def test_a_file_that_is_not_there(self):
        name = str(self.folder / 'absent')
        self.assertEqual(
            Finding(BAD, f'{name} is not found'),
            self.found(config_file=name),
        )
