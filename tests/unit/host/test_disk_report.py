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
"""What qemu-img may say of an image that is converted."""

import copy
import unittest

from glance.common import config  # noqa: F401
from oslo_config import cfg
from oslo_config import fixture

from glance_ext import errors
from glance_ext.host import disk_report

SIZE = 1 << 20
QCOW2 = {
    'virtual-size': SIZE, 'filename': 'disk', 'cluster-size': 65536,
    'format': 'qcow2', 'actual-size': 200704, 'dirty-flag': False,
    'format-specific': {'type': 'qcow2', 'data': {
        'compat': '1.1', 'compression-type': 'zlib', 'lazy-refcounts': False,
        'refcount-bits': 16, 'corrupt': False, 'extended-l2': False}}}
VMDK = {
    'virtual-size': SIZE, 'filename': 'disk', 'cluster-size': 65536,
    'format': 'vmdk', 'actual-size': 12288, 'dirty-flag': False,
    'format-specific': {'type': 'vmdk', 'data': {
        'cid': 1, 'parent-cid': 0xffffffff,
        'create-type': 'monolithicSparse', 'extents': [
            {'virtual-size': SIZE, 'filename': 'disk', 'format': '',
             'cluster-size': 65536}]}}}
#: As of qemu 8 and later.
BELOW = {'name': 'file', 'info': {
    'children': [], 'virtual-size': SIZE, 'filename': 'disk',
    'format': 'file', 'actual-size': 200704, 'dirty-flag': False,
    'format-specific': {'type': 'file', 'data': {
        'extent-size-hint': 1048576}}}}


class ReportTest(unittest.TestCase):

    def setUp(self):
        self.options = self.enterContext(fixture.Config(cfg.CONF))

    def check(self, info):
        return disk_report.require_self_contained(
            info, info.get('format', 'qcow2'), info.get('format', 'qcow2'),
            'disk')

    def refused(self, info, **changes):
        """Return why it is refused with ``{path: value}`` in it."""
        info = copy.deepcopy(info)
        for path, value in changes.items():
            *above, last = path.split('/')
            node = info
            for name in above:
                node = node[int(name) if isinstance(node, list) else name]
            if value is None:
                del node[last]
            else:
                node[last] = value
        with self.assertRaises(errors.ConversionFailed) as refusal:
            self.check(info)
        return refusal.exception.message

    def test_self_contained_images(self):
        for info in (QCOW2, VMDK, {**QCOW2, 'children': [BELOW]},
                     {**VMDK, 'children': [BELOW]},
                     {**QCOW2, 'encrypted': False, 'snapshots': [
                         {'id': '1', 'name': 'one', 'vm-state-size': 0,
                          'date-sec': 1, 'date-nsec': 2, 'vm-clock-sec': 0,
                          'vm-clock-nsec': 0, 'icount': 0}]}):
            self.assertEqual(SIZE, self.check(info))

    def test_whatever_is_not_known_is_refused(self):
        for info, path, value, why in (
            (QCOW2, 'backing-filename', 'x', 'a backing file'),
            (QCOW2, 'full-backing-filename', 'x', 'a backing file'),
            (QCOW2, 'backing-filename-format', 'raw', 'a backing file'),
            (QCOW2, 'backing-image', {'filename': 'x'}, 'a backing file'),
            (QCOW2, 'encrypted', True, 'is encrypted'),
            (QCOW2, 'new-in-a-later-qemu', 1, 'not known'),
            (QCOW2, 'new-in-a-later-qemu', {}, 'not known'),
            (QCOW2, 'filename', 'json:{}', 'not known'),
            (QCOW2, 'format', 'vmdk', 'not known|several|other'),
            (QCOW2, 'format-specific/data/data-file', 'x', 'a data file'),
            (QCOW2, 'format-specific/data/data-file-raw', True,
             'a data file'),
            (QCOW2, 'format-specific/data/bitmaps', [{'name': 'x'}],
             'has bitmaps'),
            (QCOW2, 'format-specific/data/encrypt', {'format': 'luks'},
             'is encrypted'),
            (QCOW2, 'format-specific/data/other', 'x', 'not known'),
            (QCOW2, 'format-specific/type', 'other', 'not known'),
            (QCOW2, 'snapshots', [{'id': '1', 'file': 'x'}], 'not known'),
            (VMDK, 'format-specific/data/parent-cid', 1, 'a parent'),
            (VMDK, 'format-specific/data/create-type', 'custom',
             'type that is not allowed'),
            (VMDK, 'format-specific/data/extents/0/filename', 'x',
             'other files'),
            (VMDK, 'format-specific/data/extents/0/format', 'FLAT',
             'other files'),
            (VMDK, 'format-specific/data/extents', [], 'other files'),
            (VMDK, 'format-specific/data/extents',
             2 * VMDK['format-specific']['data']['extents'], 'other files'),
            ({**QCOW2, 'children': [BELOW]}, 'children/0/info/filename', 'x',
             'other files'),
            ({**QCOW2, 'children': [BELOW]}, 'children/0/name', 'backing',
             'other files'),
            ({**QCOW2, 'children': [BELOW]}, 'children/0/info/children',
             [BELOW], 'other files'),
            (QCOW2, 'children', [BELOW, BELOW], 'other files'),
        ):
            with self.subTest(path, value=value):
                self.assertRegex(self.refused(info, **{path: value}), why)

    def test_what_has_to_be_there(self):
        for info, path in ((QCOW2, 'virtual-size'), (QCOW2, 'filename'),
                           (VMDK, 'format-specific/data/parent-cid'),
                           (VMDK, 'format-specific/data/extents'),
                           (VMDK, 'format-specific/data/create-type')):
            with self.subTest(path):
                self.refused(info, **{path: None})
        for info in ({}, {'format': 'qcow2'}):
            self.refused(info)

    def test_types_that_the_operator_does_not_allow(self):
        self.options.config(vmdk_allowed_types=['streamOptimized'],
                            group='image_format')
        self.assertIn('type that is not allowed', self.refused(VMDK))
