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
"""qemu-img gets what it needs and no more."""

import contextlib
import io
import json
import os
from pathlib import Path
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

from glance.common import config  # noqa: F401
from oslo_config import cfg
from oslo_config import fixture

from glance_ext import conf
from glance_ext import errors
from glance_ext.host import confined
from glance_ext.host import contexts
from glance_ext.host import conversion
from glance_ext.host import disk_headers
from glance_ext.host import formats
from glance_ext.host import qemu_img
from tests.functional import crafted
from tests.functional import disks

_HAS_PARENT = 2
#: The metadata of a VHDX: the item with the size of its blocks, and flags.
_FILE_PARAMETERS = bytes.fromhex('3767a1ca36fa434db3b633f0aa44e76b')


class Case(unittest.TestCase):

    def setUp(self):
        conf.register_opts(cfg.CONF)
        self.options = self.enterContext(fixture.Config(cfg.CONF))
        directory = self.enterContext(tempfile.TemporaryDirectory())
        self.source = Path(directory, 'data')
        self.target = Path(directory, 'converted')
        self.source.write_bytes(disks.qcow2(virtual_size=10 * disks.MIB))

    def convert(self, most=64 * disks.MIB, sleep=time.sleep, given='qcow2',
                wanted='raw'):
        return conversion.convert(self.source, given, self.target, wanted,
                                  most, contexts.admin(), sleep)

    def refused(self, cause=errors.ConversionFailed, **how):
        with self.assertRaises(cause) as refusal:
            self.convert(**how)
        self.assertEqual([self.source], list(self.source.parent.iterdir()))
        return refusal.exception.message


class UnusableTest(Case):

    def test_a_host_without_qemu_img_says_so(self):
        with mock.patch.object(shutil, 'which', return_value=None):
            self.assertEqual('Conversions are not possible on this host: '
                             'qemu-img is not installed', self.refused())

    def test_a_server_that_is_no_interpreter_names_the_option(self):
        for executable in '/opt/glance/bin/uwsgi', '':
            with mock.patch.object(sys, 'executable', executable):
                self.assertEqual(
                    'Conversions are not possible on this host: [wsgi] '
                    'python_interpreter is not set, and the server that runs '
                    'Glance, such as uWSGI, is no Python interpreter',
                    self.refused())

    def test_an_interpreter_that_cannot_be_run(self):
        self.enterContext(mock.patch.object(
            qemu_img, 'isolation', qemu_img.isolation.__wrapped__))
        self.options.config(python_interpreter='/absent', group='wsgi')
        self.assertEqual(
            'Conversions are not possible on this host: the Python '
            'interpreter that [wsgi] python_interpreter names cannot be run',
            self.refused())

    def test_an_interpreter_that_is_set_is_used(self):
        self.options.config(python_interpreter='/set', group='wsgi')
        with mock.patch.object(sys, 'executable', '/opt/bin/uwsgi'):
            self.assertEqual('/set', qemu_img.python())

    @unittest.skipIf(os.geteuid(), 'skipped: not root')
    def test_a_user_that_does_not_exist_is_not_named(self):
        self.options.config(conversion_user='nobody-here',
                            group='glance_ext')
        message = self.refused()
        self.assertIn('conversion_user', message)
        self.assertNotIn('nobody-here', message)


@unittest.skipUnless(shutil.which('qemu-img'), 'skipped: qemu-img absent')
class ConversionTest(Case):

    def test_the_result_has_no_more_bytes_than_it_may(self):
        self.assertEqual(10 * disks.MIB, self.convert())
        self.assertEqual(bytes(10 * disks.MIB), self.target.read_bytes())

    def test_too_large_a_result_is_refused_before_it_is_written(self):
        # 384 KiB that would become 2 GiB.
        self.source.write_bytes(disks.qcow2(2 * disks.GIB, size=384 << 10))
        with mock.patch.object(qemu_img, 'run', wraps=qemu_img.run) as run:
            message = self.refused(errors.ImageTooLarge,
                                   most=100 * disks.MIB)
        self.assertEqual(
            'The result of the conversion from qcow2 to raw may have '
            '2147483648 bytes; the quota, or image_size_cap, allows '
            '104857600', message)
        self.assertEqual(['info', 'measure'], [
            call.args[1][0] for call in run.call_args_list])

    def test_staging_is_asked_for_both_files(self):
        with mock.patch.object(
                conversion.quotas, 'refuse_staging',
                return_value='no room') as refuse:
            self.assertEqual('no room', self.refused(errors.ImageTooLarge))
        self.assertEqual((10 * disks.MIB + self.source.stat().st_size, 0),
                         refuse.call_args.args[1:])

    def test_a_result_beyond_what_was_measured_is_not_written(self):
        with conversion.opened(self.source, 'qcow2', contexts.admin(),
                               time.sleep) as disk:
            with self.assertRaises(errors.ConversionFailed) as refusal:
                disk.write(self.target, 'raw', disks.GIB, disks.MIB)
        self.assertIn('more than the memory, the time or the room',
                      refusal.exception.message)
        self.assertFalse(self.target.exists())

    def test_every_format_becomes_every_other_within_its_measure(self):
        content = disks.noise(disks.MIB) + bytes(3 * disks.MIB)
        for given in conversion.FORMATS:
            self.source.write_bytes(content)
            if given != 'raw':
                self.convert(given='raw', wanted=given)
                self.target.replace(self.source)
            for wanted in conversion.FORMATS:
                with self.subTest(f'{given} to {wanted}'):
                    if given != wanted:
                        self.convert(given=given, wanted=wanted)
                        self.assertEqual(wanted,
                                         formats.detect(self.target).name)
                        self.target.unlink()
            if given != 'raw':
                self.convert(given=given)
                self.assertEqual(content, self.target.read_bytes()[
                    :len(content)])
                self.target.unlink()

    def test_it_ends_with_its_action(self):
        def sleep(seconds):
            raise errors.Cancelled('The action was cancelled')
        self.assertEqual('The action was cancelled',
                         self.refused(errors.Cancelled, sleep=sleep))

    def test_the_source_is_left_as_it_was(self):
        before = self.source.stat()
        self.convert()
        after = self.source.stat()
        for name in 'st_uid', 'st_gid', 'st_mode', 'st_ino', 'st_nlink':
            self.assertEqual(getattr(before, name), getattr(after, name))
        made = self.target.stat()
        self.assertEqual((os.geteuid(), 0o600),
                         (made.st_uid, made.st_mode & 0o777))

    def test_a_file_system_without_hard_links(self):
        with mock.patch.object(os, 'link', side_effect=OSError):
            self.convert()
        self.assertEqual(bytes(10 * disks.MIB), self.target.read_bytes())

    def test_a_disk_inside_the_disk_is_no_result(self):
        # What is in the disk would be the image, and open what it names.
        inner = crafted.qcow2(backing='/etc/hostname')
        self.source.write_bytes(inner)
        subprocess.run(['qemu-img', 'convert', '-f', 'raw', '-O', 'vmdk',
                        self.source, self.target], check=True)
        self.target.replace(self.source)
        self.assertEqual('The conversion from vmdk to raw made qcow2 of the '
                         'data', self.refused(given='vmdk'))

    def test_a_vhdx_with_a_parent_is_refused(self):
        self.convert(wanted='vhdx')
        data = bytearray(self.target.read_bytes())
        self.target.unlink()
        region = data.index(b'metadata')
        entry = data.index(_FILE_PARAMETERS, region)
        item, = struct.unpack_from('<I', data, entry + 16)
        flags = region + item + 4
        struct.pack_into('<I', data, flags, _HAS_PARENT)
        self.source.write_bytes(data)
        self.assertEqual('The vhdx image could not be read: the data may be '
                         'damaged', self.refused(given='vhdx'))

    def test_snapshots_inside_the_image_are_left_out(self):
        subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2',
                        self.source, '1M'], check=True)
        subprocess.run(['qemu-img', 'snapshot', '-c', 'one', self.source],
                       check=True)
        self.assertEqual(disks.MIB, self.convert())


@unittest.skipUnless(shutil.which('qemu-img'), 'skipped: qemu-img absent')
class LayersTest(Case):
    """Each check holds where those before it do not."""

    def setUp(self):
        super().setUp()
        self.bait = self.source.with_name('bait')
        self.bait.write_bytes(b'not for the image' * 4096)

    def refused(self, given, data, *, looks_at_headers=False):
        self.source.write_bytes(data)
        with contextlib.ExitStack() as stack:
            stack.enter_context(mock.patch.object(formats, 'require_safe'))
            stack.enter_context(mock.patch.object(
                conversion, 'require_format'))
            if not looks_at_headers:
                stack.enter_context(mock.patch.object(
                    disk_headers, 'require_self_contained'))
            with self.assertRaises(errors.ConversionFailed) as refusal:
                self.convert(given=given)
        self.assertFalse(self.target.exists())
        return refusal.exception.message

    def test_the_headers_alone(self):
        for disk in crafted.all_of(crafted.Bait(
                str(self.bait), '../bait', 9)):
            with self.subTest(disk.name):
                if disk.disk_format != 'raw' and 'noise' not in disk.name:
                    self.refused(disk.disk_format, disk.data,
                                 looks_at_headers=True)

    def test_what_qemu_img_reports_alone(self):
        flat = crafted.descriptor(f'RW 8 FLAT "{self.bait}" 0')
        for given, data, message in (
                ('qcow2', crafted.qcow2(backing=str(self.bait)),
                 'refers to a backing file'),
                ('qcow2', crafted.qcow2(backing='nbd://127.0.0.1:9/x'),
                 'refers to a backing file'),
                ('qcow2', crafted.qcow2(encryption=1), 'is encrypted'),
                ('vmdk', crafted.sparse(crafted.descriptor(
                    crafted.OWN, parent='12345678',
                    more=f'parentFileNameHint="{self.bait}"')),
                 'refers to a'),
                # What would be opened is out of reach.
                ('vmdk', crafted.sparse(flat, capacity=0),
                 'not be read|other files'),
                ('qcow2', crafted.qcow2(
                    (0x44415441, str(self.bait).encode()), incompatible=4),
                 'not be read|a data file')):
            with self.subTest(given, message=message):
                self.assertRegex(self.refused(given, data), message)

    def test_qemu_img_opens_no_backing_file_that_nothing_has_seen(self):
        data = crafted.qcow2(backing='../bait')
        self.source.write_bytes(data)
        with contextlib.ExitStack() as stack:
            for module, name in (
                    (formats, 'require_safe'),
                    (disk_headers, 'require_self_contained'),
                    (conversion.disk_report, 'require_self_contained')):
                stack.enter_context(mock.patch.object(module, name))
            self.convert()
        self.assertEqual(bytes(disks.MIB), self.target.read_bytes())


@unittest.skipUnless(shutil.which('qemu-img'), 'skipped: qemu-img absent')
class ConfinementTest(Case):
    """What becomes of another program that ``confined`` starts."""

    def setUp(self):
        super().setUp()
        self.reach = qemu_img.isolation()
        self.enterContext(mock.patch.object(
            qemu_img, '_program', lambda: shutil.which('sh')))
        self.work = self.source.with_name('work')
        self.work.mkdir()
        if owner := qemu_img.owner():
            os.chown(self.work, *owner)

    def run_shell(self, script, most=disks.MIB):
        return qemu_img.run(self.work, ['-c', script], most, time.sleep)

    def test_limits_and_the_user(self):
        limits = dict.fromkeys(('-v', '-t', '-f', '-c'))
        for each in limits:
            limits[each] = int(self.run_shell(f'ulimit {each}'))
        self.assertEqual({
            '-v': cfg.CONF.glance_ext.conversion_memory * 1024,
            '-t': cfg.CONF.glance_ext.conversion_timeout,
            '-f': disks.MIB // 512, '-c': 0}, limits)
        if owner := qemu_img.owner():
            self.assertEqual(owner[0], int(self.run_shell('id -u')))

    def test_what_is_larger_than_it_may_be_is_a_limit(self):
        with self.assertRaises(qemu_img.Failed) as failure:
            self.run_shell('exec head -c 2000000 /dev/urandom >large')
        self.assertTrue(failure.exception.is_limit)

    def test_no_secret_of_the_service_is_in_its_environment(self):
        with mock.patch.dict(os.environ, {'OS_SECRET': 'x'}):
            self.assertNotIn(b'OS_SECRET', self.run_shell('env'))

    def test_no_file_but_its_own_where_the_host_permits_that(self):
        self.source.chmod(0o644)
        self.source.parent.chmod(0o755)
        if self.reach.files:
            self.skipTest('skipped: no Landlock')
        self.run_shell('echo mine >own && read line <own')
        for name in ('../data', str(self.source), '/etc/passwd'):
            with self.subTest(name), self.assertRaises(qemu_img.Failed):
                self.run_shell(f'read line <{name}')

    def test_a_host_that_permits_neither(self):
        with (mock.patch.object(confined, '_libc') as libc,
              mock.patch.object(sys, 'stdout', io.StringIO()) as said):
            libc.syscall.return_value = libc.unshare.return_value = -1
            confined.main([json.dumps(
                {'limits': {}, 'user': None, 'program': []})])
        self.assertEqual({'network': True, 'files': True},
                         json.loads(said.getvalue()))

    def test_no_network_where_the_host_permits_that(self):
        if self.reach.network:
            self.skipTest('skipped: no namespace of its own')
        self.assertNotEqual(
            os.readlink('/proc/self/ns/net').encode(),
            self.run_shell('readlink /proc/self/ns/net').strip())
