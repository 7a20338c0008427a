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


"""Images as headers: nothing in them becomes a header of its own."""

import unittest

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from glance_ext.compat.v1 import headers

QUICKLY = settings(deadline=None, max_examples=50, database=None)

tokens = st.from_regex(r'[a-z0-9_.%!~]{1,12}', fullmatch=True)
texts = st.text(
    st.characters(exclude_categories=('Cc', 'Cs')), min_size=1, max_size=20
)


class EncodeTest(unittest.TestCase):
    @QUICKLY
    @given(st.dictionaries(st.text(max_size=12), st.text(max_size=20)))
    def test_no_name_and_no_value_makes_another_header(self, properties):
        for name, value in headers.encode({'properties': properties}):
            text = f'{name}: {value}'
            self.assertTrue(name.startswith(headers.PROPERTY))
            self.assertNotRegex(text, r'[\x00-\x1f\x7f]')
            self.assertTrue(headers.is_name(name))
            text.encode('latin-1')  # as PEP 3333 wants it

    def test_a_name_that_no_header_can_have_is_left_out(self):
        for name in ('', 'a b', 'a:b', 'naïve', 'a\r\nX-Evil', 'a\x00'):
            image = {'properties': {name: 'x'}}
            self.assertEqual([], headers.encode(image))

    def test_what_is_none_is_left_out(self):
        image = {'name': None, 'size': 0, 'properties': {'a': None}}
        self.assertEqual([('x-image-meta-size', '0')], headers.encode(image))

    @QUICKLY
    @given(st.dictionaries(tokens, texts), texts)
    def test_what_was_encoded_is_decoded(self, properties, name):
        image = {'name': name, 'size': 3, 'is_public': True}
        sent = headers.encode({**image, 'properties': properties})
        self.assertEqual(
            {**image, 'properties': properties}, headers.decode(sent)
        )

    @QUICKLY
    @given(texts)
    def test_percent_signs_are_signs(self, text):
        value = f'%41{text}%'
        sent = headers.encode({'properties': {'a': value}})
        self.assertEqual(value, headers.decode(sent)['properties']['a'])


class DecodeTest(unittest.TestCase):
    def test_names_lose_case_and_hyphens(self):
        found = headers.decode(
            [
                ('X-Image-Meta-Disk-Format', 'raw'),
                ('X-Image-Meta-Property-Os-Type', 'Linux'),
                ('X-Other', 'x'),
            ]
        )
        self.assertEqual(
            {'disk_format': 'raw', 'properties': {'os_type': 'Linux'}}, found
        )

    def test_an_unknown_attribute_is_refused(self):
        with self.assertRaisesRegex(ValueError, 'Bad header'):
            headers.decode([('x-image-meta-colour', 'red')])

    def test_what_is_no_number_is_refused(self):
        for value in ('-1', 'x', '', '1.5', '1_0', '٣'):
            for name in ('size', 'min_disk', 'min_ram'):
                with self.assertRaises(ValueError, msg=(name, value)):
                    headers.decode([(f'x-image-meta-{name}', value)])

    def test_flags(self):
        for value, flag in (('True', True), ('1', True), ('nope', False)):
            found = headers.decode([('x-image-meta-is_public', value)])
            self.assertEqual(flag, found['is_public'])
