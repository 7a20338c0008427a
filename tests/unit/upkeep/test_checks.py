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
"""What is found in order, and what is not."""

import contextlib
from pathlib import Path
import tempfile
from unittest import mock

from oslo_concurrency import lockutils  # noqa: F401
from oslo_db import exception as db_exception

from glance_ext import errors
from glance_ext.actions import jobboard
from glance_ext.host import database
from glance_ext.host import tasks
from glance_ext.stores import fixture
from glance_ext.stores import traits
from glance_ext.upkeep import checks
from glance_ext.upkeep.checks import BAD
from glance_ext.upkeep.checks import GOOD
from glance_ext.upkeep.checks import WARNING
from glance_ext.upkeep.checks import Finding
from tests.unit import tables


class Case(tables.TablesCase):
    def setUp(self):
        super().setUp()
        self.here = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def have(self, module, name, *new, **how):
        return self.enterContext(mock.patch.object(
            module, name, *new, **how))


class OptionsTest(Case):
    def test_the_release_of_glance(self):
        check = self.have(checks.supported, 'check')
        self.assertEqual(Finding(GOOD), checks.host_release())
        check.side_effect = checks.supported.UnsupportedHost('too old')
        self.assertEqual(Finding(BAD, 'too old'), checks.host_release())

    def test_a_policy_that_nobody_asks_for(self):
        self.assertEqual(Finding(GOOD), checks.policy_names())
        file = self.here / 'policy.yaml'
        self.options.config(policy_file=str(file), group='oslo_policy')
        for rules, finding in (
                ('calculate_hash: role:admin\nget_image: ""\n'
                 'our_own: role:x\n', Finding(GOOD)),
                ('calculate_hashes: role:admin\nget_image_acton: "!"\n',
                 Finding(WARNING,
                         'calculate_hashes is no rule (is calculate_hash '
                         'meant?); get_image_acton is no rule (is '
                         'get_image_action meant?)'))):
            file.write_text(rules)
            self.assertEqual(finding, checks.policy_names())

    def test_the_lock_path(self):
        absent = self.here / 'absent'
        for where, finding in (
                (None, Finding(WARNING, '[oslo_concurrency] lock_path is not '
                               'set: Glance cannot cancel its own hashing')),
                (str(absent), Finding(WARNING, f'lock_path {absent} cannot '
                                      f'be written to by this user')),
                (str(self.here), Finding(GOOD))):
            self.options.config(lock_path=where, group='oslo_concurrency')
            self.assertEqual(finding, checks.lock_path())

    def test_imports_and_staging(self):
        self.options.config(enabled_import_methods=[])
        self.assertEqual(Finding(WARNING, 'enabled_import_methods is empty'),
                         checks.imports())
        self.options.config(enabled_import_methods=['glance-direct'])
        absent = self.here / 'absent'
        for uri, finding in (
                ('swift://x', Finding(BAD, 'no staging: GlanceException')),
                (f'file://{absent}', Finding(
                    BAD, f'the staging directory {absent} cannot be written '
                         f'to by this user')),
                (f'file://{self.here}', Finding(GOOD))):
            self.options.config(node_staging_uri=uri)
            self.assertEqual(finding, checks.imports())

    def test_the_types_of_tasks(self):
        self.assertEqual(Finding(GOOD), checks.task_types())
        self.options.config(task_types='own', group='glance_ext')
        self.assertEqual(
            Finding(WARNING, 'task_types = own: every node needs the '
                    'extension, or answers 500 for our tasks'),
            checks.task_types())

    def test_the_signatures_of_actions(self):
        self.assertEqual((Finding(GOOD), []), (
            checks.signing(), database.read(database.tasks.select())))
        added = tasks.insert(
            type_='import', owner='o', image_id=None, user_id='u',
            request_id='r', message='', input_={'glance_ext': {}})
        self.assertEqual(Finding(GOOD), checks.signing())
        self.options.config(secret_key='k' * 16, group='glance_ext')
        self.assertEqual(
            Finding(WARNING, f'1 tasks pass for actions and have no valid '
                    f'signature, {added.id} among them: they are not run'),
            checks.signing())
        self.options.config(trust_actions_before='2100-01-01T00:00:00Z',
                            group='glance_ext')
        self.assertEqual(
            Finding(WARNING, 'trust_actions_before: until 2100-01-01 '
                    '00:00:00 UTC an action needs no signature'),
            checks.signing())

    def test_the_key_of_the_signatures(self):
        for columns in ({'type': 'import'}, {'type': 'glance_ext_key'}):
            self.do(lambda connection, columns=columns: connection.execute(
                database.tasks.delete()))
            self.add(database.tasks, id='glance-ext-signing-key', owner='o',
                     status='success', deleted=True, **columns)
            self.assertEqual(
                Finding(BAD, 'The row glance-ext-signing-key of the table '
                        'tasks does not hold the signing key of glance-ext'),
                checks.signing())
        self.have(checks.tasks, 'unverified',
                  side_effect=db_exception.DBConnectionError)
        self.options.config(secret_key='k' * 16, group='glance_ext')
        self.assertEqual(
            Finding(BAD, 'the database does not answer: DBConnectionError'),
            checks.signing())

    def test_how_often_an_action_is_tried(self):
        for count, finding in (
                (0, Finding(WARNING, 'http_retries = 0: an action has 1 '
                                     'attempts')),
                (1, Finding(GOOD)), (10, Finding(GOOD)),
                (11, Finding(WARNING, 'http_retries = 11: an action has 12 '
                                      'attempts'))):
            self.options.config(http_retries=count)
            self.assertEqual(finding, checks.retries())


class StoresTest(Case):
    def failing(self, error):
        def occupied(driver, image_id, context):
            raise error
        store = fixture.Store()
        store.glance_ext_traits = traits.Traits(occupied=occupied)
        return store

    def check(self, **stores):
        with fixture.stores(stores):
            return checks.stores()

    def test_they_answer(self):
        self.assertEqual(Finding(GOOD), self.check(
            fast=fixture.Store(tidy=False), slow=fixture.Store()))

    def test_the_only_store_answers(self):
        with fixture.single_store(fixture.Store(scheme='file', tidy=False)):
            self.assertEqual(Finding(GOOD), checks.stores())

    def test_each_that_does_not_is_named(self):
        self.assertEqual(
            Finding(BAD, "store 'cold' is unavailable: TimeoutError; "
                         "store 'slow' failed: OSError"),
            self.check(fast=fixture.Store(tidy=False),
                       slow=self.failing(OSError('secret')),
                       cold=self.failing(TimeoutError('secret'))))

    def test_one_that_hangs(self):
        self.have(checks.drivers, 'in_time', side_effect=errors.StoreStalled(
            "store 'fast' did not answer for 15 seconds"))
        self.assertEqual(
            Finding(BAD, "store 'fast' did not answer for 15 seconds"),
            self.check(fast=fixture.Store()))


class WorkersTest(Case):
    def check(self, *workers):
        board = mock.Mock(**{'workers.return_value': list(workers)})
        self.have(checks.jobboard, 'connected',
                  lambda: contextlib.nullcontext(board))
        return checks.workers()

    def test_none_is_needed_where_the_api_runs_actions(self):
        self.assertEqual(Finding(GOOD, 'actions run in the API'),
                         self.check())

    def test_somebody_has_to_take_the_jobs(self):
        self.options.config(executor='jobboard', group='glance_ext')
        self.assertEqual(Finding(BAD, 'no glance-ext-worker is running'),
                         self.check())
        self.assertEqual(
            Finding(GOOD, 'one (1), two (2)'), self.check(
                jobboard.Worker('two', 2, frozenset()),
                jobboard.Worker('one', 1, frozenset())))

    def test_the_board_has_to_answer(self):
        self.options.config(executor='jobboard', group='glance_ext')
        self.have(checks.jobboard, 'connected',
                  side_effect=jobboard.Unavailable('It does not answer'))
        self.assertEqual(Finding(BAD, 'It does not answer'),
                         checks.workers())


class ConversionTest(Case):
    def check(self, **isolation):
        self.have(checks.qemu_img, 'isolation', **isolation)
        return checks.conversion()

    def test_what_the_host_does_not_permit_is_named(self):
        self.options.config(python_interpreter='/python', group='wsgi')
        for network, files, details in (
                (False, False, ''),
                (True, False, 'this host does not let qemu-img be kept from: '
                              'network'),
                (True, True, 'this host does not let qemu-img be kept from: '
                             'network, files')):
            self.assertEqual(Finding(GOOD, details), self.check(
                return_value=checks.qemu_img.Isolation(network, files)))

    def test_an_interpreter_that_is_not_set(self):
        found = self.check(
            return_value=checks.qemu_img.Isolation(False, False))
        self.assertEqual(Finding(
            WARNING, '[wsgi] python_interpreter is not set: under uWSGI, '
                     'images cannot be converted'), found)

    def test_it_is_worse_where_every_image_is_to_be_converted(self):
        cause = checks.qemu_img.Unusable('qemu-img is not installed')
        details = 'images cannot be converted: qemu-img is not installed'
        self.assertEqual(Finding(WARNING, details),
                         self.check(side_effect=cause))
        self.options.config(verifiers=['safety', 'conversion'],
                            group='glance_ext')
        self.assertEqual(Finding(BAD, details),
                         self.check(side_effect=cause))


class AllTest(Case):
    def test_each_check_is_run_under_a_name_of_its_own(self):
        names = [name for name, _ in checks.CHECKS]
        self.assertEqual(len(set(names)), len(names))
        self.assertEqual(
            {checks.host_release, checks.policy_names, checks.lock_path,
             checks.imports, checks.conversion, checks.task_types,
             checks.signing,
             checks.stores, checks.retries, checks.workers},
            {check for _, check in checks.CHECKS})
