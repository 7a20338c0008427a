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
"""Finding a digest in a file of digests."""

import unittest

from glance_ext import errors
from glance_ext.transfer import sums

A, B = 'a1' * 32, 'b2' * 32
LONG = 'c3' * 64


class TestFind(unittest.TestCase):

    def test_every_notation_is_read(self):
        for text in (f'{A}  image.qcow2\n', f'{A} *image.qcow2',
                     f'{A} image.qcow2', f'{A}\timage.qcow2',
                     f'{A}  ./images/image.qcow2', f'{A.upper()}  image.qcow2',
                     f'SHA256 (image.qcow2) = {A}',
                     f'SHA2-256 (x) = {B}\nSHA256(image.qcow2)= {A}',
                     f'{A}  image.qcow2\r\n',
                     A, f'\n{A}\n'):
            with self.subTest(text):
                self.assertEqual(('sha256', A), sums.find(
                    text, 'images/image.qcow2'))

    def test_the_right_line_is_taken_among_others(self):
        text = (f'-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n'
                f'# comment\n{B}  other\n{A}  with blank.img\n'
                f'{B}  image.img.sig\n-----BEGIN PGP SIGNATURE-----\n')
        self.assertEqual(('sha256', A), sums.find(text, 'with blank.img'))

    def test_length_or_tag_or_name_tell_the_algorithm(self):
        for digest, algorithm in (('d' * 32, 'md5'), ('d' * 40, 'sha1'),
                                  ('d' * 56, 'sha224'), ('d' * 96, 'sha384'),
                                  ('d' * 128, 'sha512')):
            self.assertEqual((algorithm, digest),
                             sums.find(f'{digest}  x', 'x'))
        for name in ('SHA256', 'sha256', 'SHA-256', 'SHA2-256'):
            self.assertEqual(('sha256', A),
                             sums.find(f'{name} (x) = {A}', 'x'))
        self.assertEqual(('sha3_256', A),
                         sums.find(f'SHA3-256 (x) = {A}', 'x'))
        self.assertEqual(('sha3_256', A),
                         sums.find(f'{A}  x', 'x', 'a/SHA3-256SUMS'))
        self.assertEqual(('blake2b', LONG),
                         sums.find(f'{LONG}  x', 'x', 'blake2b.txt'))
        self.assertEqual(('blake2s', A),
                         sums.find(f'{A}  x', 'x', 'blake2s.txt'))
        self.assertEqual(('sha256', A),
                         sums.find(f'{A}  x', 'x', 'sha512sum.txt'))

    def test_name_that_does_not_fit_the_digest_tells_nothing(self):
        for digest, algorithm in ((LONG, 'sha512'), ('d' * 32, 'md5')):
            self.assertEqual((algorithm, digest), sums.find(
                f'{digest}  x', 'x', 'SHA3-256SUMS'))

    def test_the_longest_of_several_algorithms_is_taken(self):
        self.assertEqual(('sha512', LONG), sums.find(
            f'MD5 (x) = {"d" * 32}\nSHA512 (x) = {LONG}\nSHA256 (x) = {A}',
            'x'))

    def test_algorithm_that_is_not_known_is_passed_over(self):
        self.assertEqual(('md5', 'd' * 32), sums.find(
            f'SECRET (x) = {LONG}\nMD5 (x) = {"d" * 32}', 'x'))
        with self.assertRaises(errors.DigestUnknown) as caught:
            sums.find(f'SECRET (x) = {LONG}', 'x')
        self.assertNotIn('SECRET', caught.exception.message)

    def test_the_same_line_twice_is_clear(self):
        self.assertEqual(('sha256', A), sums.find(f'{A}  x\n{A} *x', 'x'))

    def test_absent_and_ambiguous_ones_are_errors(self):
        for text in ('', f'{A}  other', f'{A}  x\n{B}  x', f'{A}\n{B}',
                     f'{A}\nand words', 'a1b2  x', f'{A}{A[:2]}  x',
                     '<html></html>'):
            with self.subTest(text), self.assertRaises(errors.DigestUnknown):
                sums.find(text, 'x')

    def test_too_much_and_no_text_are_errors(self):
        most = b'y' * 1024 * 1024
        self.assertEqual(most.decode(), sums.read([most]))
        with self.assertRaises(errors.DigestUnknown):
            sums.read([b'x', most])
        with self.assertRaises(errors.DigestUnknown):
            sums.read([b'\xff\xfe'])
        self.assertEqual('abc', sums.read([b'\xef\xbb\xbfa', b'bc']))
