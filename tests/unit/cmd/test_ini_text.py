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

import configparser
import io
import string
import unittest

import hypothesis
from hypothesis import strategies

from glance_ext.cmd import ini_text


def parsed(text: str) -> dict[tuple[str, str], list[str]]:
    """What PasteDeploy's parser makes of the text, as words."""
    parser = configparser.ConfigParser(
        interpolation=None, default_section='a section like the others'
    )
    parser.optionxform = str
    parser.read_file(io.StringIO(text, newline=None))
    return {
        (section, key): parser.get(section, key).split()
        for section in parser.sections()
        for key in parser[section]
    }


# Lines as they may stand in a paste file, in any order: what is above a line
# decides what it means.
LINES = strategies.one_of(
    strategies.sampled_from(
        [
            '',
            '   ',
            '# a comment',
            '    ; an indented comment = with a delimiter',
            '[pipeline:a]',
            '  [filter: b ] with a tail',
            '[DEFAULT]',
            'key = one two',
            '  key = one',
            'key: one',
            'other=',
            '\tother = a b [c]',
            '    more words',
            '  [no header here]',
            '\tcontext # no comment',
        ]
    ),
    strategies.text(string.ascii_letters + ' \t=:[]#;%', max_size=12),
)
TEXTS = strategies.tuples(
    strategies.lists(LINES, max_size=14),
    strategies.sampled_from(['\n', '\r\n', '\r']),
).map(lambda drawn: drawn[1].join(drawn[0]))


class ReadTest(unittest.TestCase):
    @hypothesis.given(TEXTS)
    @hypothesis.settings(
        max_examples=60,
        deadline=None,
        # What configparser refuses is drawn often, and costs nothing.
        suppress_health_check=[hypothesis.HealthCheck.filter_too_much],
    )
    def test_finds_what_configparser_finds(self, text):
        try:
            expected = parsed(text)
        except configparser.Error:
            hypothesis.reject()
        headers, options = ini_text.read(text)
        found = {
            (option.section, option.key): [word.text for word in option.words]
            for option in options
        }
        self.assertEqual(expected, found)
        self.assertLessEqual(
            {section for section, _ in expected},
            {header.section for header in headers},
        )

    @hypothesis.given(TEXTS)
    @hypothesis.settings(max_examples=100, deadline=None)
    def test_places_are_those_of_the_text(self, text):
        headers, options = ini_text.read(text)
        for option in options:
            for word in option.words:
                self.assertEqual(word.text, text[word.place : word.end])
                line = word.line
                self.assertEqual(line.text, text[line.start : line.end])
                self.assertLessEqual(line.start, word.place)
        for header in headers:
            self.assertIn(text[header.above - 1 : header.above], '\r\n')

    def test_comments_right_above_a_header_belong_to_it(self):
        text = '[a]\nb = c\n# apart\n\n# mine\n; mine too\n[d]\n'
        headers, _ = ini_text.read(text)
        self.assertEqual(text.index('# mine'), headers[1].above)
