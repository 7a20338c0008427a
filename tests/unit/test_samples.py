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

"""The samples for deployment and the jobs: what they name is there."""

import configparser
import pathlib
import re
import unittest

import yaml

ROOT = pathlib.Path(__file__).parents[2]
DEPLOY = ROOT / 'etc' / 'deploy'


def ini(path: pathlib.Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=True)
    parser.read_string(path.read_text('utf-8'))
    return parser


class DeploymentTest(unittest.TestCase):
    def test_every_sample_is_well_formed(self):
        for path in DEPLOY.rglob('*'):
            with self.subTest(path.relative_to(ROOT)):
                if path.suffix in ('.yml', '.yaml'):
                    self.assertTrue(yaml.safe_load(path.read_text('utf-8')))
                elif path.suffix in ('.ini', '.service') or (
                    path.name == 'glance-api.conf'
                    and path.parent.name == 'glance'
                ):
                    self.assertTrue(ini(path).sections())

    def test_every_sample_is_shown_in_the_guide(self):
        page = ROOT / 'doc' / 'source' / 'install' / 'deployment.rst'
        shown = re.findall(
            r'literalinclude:: \.\./\.\./\.\./(\S+)', page.read_text('utf-8')
        )
        there = {
            str(path.relative_to(ROOT))
            for path in DEPLOY.rglob('*')
            if path.is_file() and path.name != 'README.rst'
        }
        units = {'etc/systemd/glance-ext-worker@.service'}
        self.assertEqual(there | units, set(shown))

    def test_the_filter_stands_after_the_context_in_every_pipeline(self):
        ansible = yaml.safe_load(
            (DEPLOY / 'openstack-ansible' / 'user_variables_glance_ext.yml')
            .read_text('utf-8')
        )['glance_glance_api_paste_ini_overrides']
        helm = yaml.safe_load(
            (DEPLOY / 'openstack-helm' / 'values_overrides.yaml')
            .read_text('utf-8')
        )['conf']['paste']
        for pastes in (ansible, helm):
            self.assertEqual(
                {'use': 'egg:glance-ext#glance_ext'},
                pastes['filter:glance_ext'],
            )
            pipelines = {
                name: value
                for name, value in pastes['composite:api'].items()
                if not name.startswith('paste.')
            }
            self.assertTrue(pipelines)
            for pipeline in pipelines.values():
                self.assertRegex(pipeline, 'context glance_ext .*rootapp$')

    def test_uwsgi_waits_for_what_runs(self):
        limit = int(ini(DEPLOY / 'uwsgi' / 'glance-api.ini')['uwsgi'][
            'worker-reload-mercy'])
        self.assertGreaterEqual(limit, 65)  # shutdown_timeout and a margin


class JobsTest(unittest.TestCase):
    def setUp(self):
        found = yaml.safe_load((ROOT / '.zuul.yaml').read_text('utf-8'))
        self.jobs = {each['job']['name']: each['job']
                     for each in found if 'job' in each}
        (self.project,) = [each['project'] for each in found
                           if 'project' in each]

    def test_every_job_of_ours_is_defined_and_every_job_is_run(self):
        for queue in ('check', 'gate'):
            # A job with settings of its own is a mapping.
            named = {name for each in self.project[queue]['jobs']
                     for name in ([each] if isinstance(each, str) else each)}
            ours = {name for name in named if name.startswith('glance-ext')}
            self.assertEqual(
                {name for name, job in self.jobs.items()
                 if not job.get('abstract')}, ours)

    def test_every_release_has_its_job_and_every_job_its_environment(self):
        parser = configparser.RawConfigParser()
        parser.read(ROOT / 'tox.ini')
        names = {section.removeprefix('testenv:')
                 for section in parser.sections()}
        releases = {f'functional-glance-{n}' for n in range(28, 34)}
        wanted = {job['vars']['tox_envlist'] for job in self.jobs.values()
                  if job['parent'] != 'devstack-tempest'
                  and 'tox_envlist' in job.get('vars', {})}
        self.assertLessEqual(releases, wanted)
        self.assertLessEqual(wanted - releases, names)
        self.assertIn('functional-glance-{28,29,30,31,32,33}', names)
