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
import pathlib
import sys
import textwrap
import unittest

import hypothesis
from hypothesis import strategies

from glance_ext.cmd import paste_ini

EXAMPLES = pathlib.Path(__file__).parents[3] / 'etc' / 'paste.d'
SHIPPED = pathlib.Path(sys.prefix, 'etc', 'glance', 'glance-api-paste.ini')

COMPOSITE = textwrap.dedent("""\
    [composite:api]
    paste.composite_factory = glance.api:pipeline_factory
    default = cors unauthenticated-context rootapp
    keystone = cors authtoken context rootapp
    keystone+caching = cors authtoken context cache rootapp

    # Who is calling.
    [filter:context]
    paste.filter_factory = glance.api.middleware.context:X.factory
    """)

PIPELINE = textwrap.dedent("""\
    [pipeline:glance-api]
    pipeline = cors unauthenticated-context rootapp

    [pipeline:glance-api-keystone]
    pipeline = cors authtoken context  rootapp

    [filter:unauthenticated-context]
    paste.filter_factory = glance.api.middleware.context:X.factory
    """)


def flavours(text: str) -> dict[str, list[str]]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read_string(text)
    return {
        f'{section}/{key}': parser[section][key].split()
        for section in parser.sections()
        for key in parser[section]
        if section == 'composite:api' or key == 'pipeline'
    }


def one(value: str, section: str = '') -> str:
    """A file of one pipeline, whose text after the "=" is ``value``."""
    return f'[pipeline:glance-api]\npipeline ={value}\n{section}'


class EnableTest(unittest.TestCase):
    def test_each_flavour_of_the_composite_gets_it_after_context(self):
        found = flavours(paste_ini.enable(COMPOSITE))
        self.assertEqual(
            {
                'composite:api/paste.composite_factory': [
                    'glance.api:pipeline_factory'
                ],
                'composite:api/default': [
                    'cors',
                    'unauthenticated-context',
                    'glance_ext',
                    'rootapp',
                ],
                'composite:api/keystone': [
                    'cors',
                    'authtoken',
                    'context',
                    'glance_ext',
                    'rootapp',
                ],
                'composite:api/keystone+caching': [
                    'cors',
                    'authtoken',
                    'context',
                    'glance_ext',
                    'cache',
                    'rootapp',
                ],
            },
            found,
        )

    def test_each_pipeline_section_gets_it_after_context(self):
        enabled = paste_ini.enable(PIPELINE)
        self.assertIn('cors unauthenticated-context glance_ext root', enabled)
        self.assertIn('cors authtoken context glance_ext  root', enabled)

    def test_the_section_stands_above_the_comments_of_the_next_one(self):
        self.assertIn(
            f'\n\n{paste_ini.MARK}\n'
            '[filter:glance_ext]\n'
            'use = egg:glance-ext#glance_ext\n'
            '\n'
            '# Who is calling.\n'
            '[filter:context]\n',
            paste_ini.enable(COMPOSITE),
        )

    def test_a_second_time_changes_nothing(self):
        for text in (COMPOSITE, PIPELINE):
            enabled = paste_ini.enable(text)
            self.assertEqual(enabled, paste_ini.enable(enabled))

    def test_a_misplaced_filter_is_moved(self):
        for value in (
            ' glance_ext cors context rootapp',
            'glance_ext cors context rootapp',
            ' cors glance_ext context rootapp',
            ' cors context rootapp glance_ext',
            ' glance_ext glance_ext cors context glance_ext rootapp',
            '\n  glance_ext\n  cors context rootapp',
            '\n  glance_ext cors context rootapp',
        ):
            with self.subTest(value):
                enabled = paste_ini.enable(one(value))
                self.assertEqual(
                    ['cors', 'context', 'glance_ext', 'rootapp'],
                    flavours(enabled)['pipeline:glance-api/pipeline'],
                )

    def test_a_filter_in_its_place_is_not_touched(self):
        value = ' cors  context\tglance_ext   rootapp'
        self.assertIn(value, paste_ini.enable(one(value)))

    def test_one_filter_a_line_gets_a_line(self):
        text = one('\n\tcors\n\t# who is it?\n\tcontext\n\n\trootapp')
        enabled = paste_ini.enable(text)
        self.assertIn('\tcontext\n\tglance_ext\n\n\trootapp\n', enabled)
        self.assertEqual(text, paste_ini.disable(enabled))

    def test_a_word_in_a_comment_is_no_filter(self):
        text = one(' a\n  # b context c\n  context\n  rootapp')
        enabled = paste_ini.enable(text)
        self.assertIn('  # b context c\n  context\n  glance_ext\n', enabled)

    def test_line_ends_stay_what_they_are(self):
        text = COMPOSITE.replace('\n', '\r\n')
        enabled = paste_ini.enable(text)
        self.assertEqual(paste_ini.enable(COMPOSITE), flat(enabled))
        self.assertEqual(enabled.count('\n'), enabled.count('\r\n'))

    def test_a_flavour_without_context_is_left_alone(self):
        probe = 'probe = cors healthcheckapp\n'
        text = COMPOSITE.replace('default =', f'{probe}default =')
        self.assertIn(probe, paste_ini.enable(text))

    def test_an_app_that_is_called_context_is_no_filter(self):
        with self.assertRaisesRegex(paste_ini.PasteError, 'no pipeline names'):
            paste_ini.enable(one(' cors context'))

    def test_a_section_written_by_hand_is_used_and_kept(self):
        by_hand = (
            '[filter: glance_ext]\n'
            'paste.filter_factory = glance_ext.api.middleware:filter_factory\n'
        )
        text = one(' context rootapp', by_hand)
        enabled = paste_ini.enable(text)
        self.assertEqual(1, enabled.count('[filter:'))
        self.assertEqual(text, paste_ini.disable(enabled))

    def test_an_indented_file_stays_readable(self):
        text = textwrap.indent(COMPOSITE, '    ')
        enabled = paste_ini.enable(text)
        self.assertEqual(
            flavours(paste_ini.enable(COMPOSITE)), flavours(enabled)
        )
        self.assertEqual(text, paste_ini.disable(enabled))

    def test_a_file_without_pipeline_is_refused(self):
        for text in ('', '[DEFAULT]\na = b\n', '[filter:context]\na = b\n'):
            for edit in (paste_ini.enable, paste_ini.disable):
                with self.subTest(text=text, edit=edit.__name__):
                    with self.assertRaisesRegex(
                        paste_ini.PasteError, 'no pipeline found'
                    ):
                        edit(text)

    def test_a_pipeline_without_context_is_refused(self):
        text = one(' cors authtoken rootapp')
        with self.assertRaisesRegex(paste_ini.PasteError, 'no pipeline names'):
            paste_ini.enable(text)
        self.assertEqual(text, paste_ini.disable(text))

    def test_what_pastedeploy_refuses_is_refused_with_its_words(self):
        for text, words in (
            ('key = value\n', 'no section headers'),
            (COMPOSITE + COMPOSITE, "'composite:api' already exists"),
            (COMPOSITE + 'nonsense\n', r'line *\d+'),
            ('\ufeff' + COMPOSITE, 'no section headers'),
        ):
            with self.subTest(words):
                with self.assertRaisesRegex(paste_ini.PasteError, words):
                    paste_ini.enable(text)


def flat(text: str) -> str:
    return text.replace('\r\n', '\n')


class DisableTest(unittest.TestCase):
    def test_takes_out_what_was_put_in_by_hand(self):
        for value in (
            ' cors context glance_ext rootapp',
            ' glance_ext cors context rootapp',
            ' cors\n  context glance_ext\n  rootapp',
            ' cors\n  glance_ext context\n  rootapp',
            ' cors\n  glance_ext\n  context\n  rootapp',
            ' glance_ext\n  cors\n  context\n  rootapp',
        ):
            with self.subTest(value):
                disabled = paste_ini.disable(one(value))
                self.assertEqual(
                    ['cors', 'context', 'rootapp'],
                    flavours(disabled)['pipeline:glance-api/pipeline'],
                )

    def test_our_section_stays_when_somebody_added_to_it(self):
        enabled = paste_ini.enable(COMPOSITE)
        use = f'use = {paste_ini.USE}\n'
        text = enabled.replace(use, f'{use}option = value\n')
        disabled = paste_ini.disable(text)
        self.assertIn(f'[filter:glance_ext]\n{use}option = value\n', disabled)
        self.assertNotIn('context glance_ext', disabled)

    def test_what_was_changed_since_stays(self):
        enabled = paste_ini.enable(COMPOSITE)
        later = enabled.replace('cors ', 'cors osprofiler ')
        self.assertEqual(
            COMPOSITE.replace('cors ', 'cors osprofiler '),
            paste_ini.disable(later),
        )

    def test_a_file_without_it_is_not_touched(self):
        for text in (COMPOSITE, PIPELINE):
            self.assertEqual(text, paste_ini.disable(text))


SPACES = strategies.sampled_from([' ', '  ', '\t', '\n  ', '\n\t# c\n \t'])
FILTERS = strategies.lists(
    strategies.sampled_from(
        ['cors', 'authtoken', 'context', 'unauthenticated-context', 'cache']
    ),
    max_size=5,
)


@strategies.composite
def files(draw) -> str:
    """Files of several flavours, written in every odd way that parses."""
    spaced = strategies.tuples(FILTERS, SPACES, SPACES)
    sections = []
    for number, (names, space, gap) in enumerate(
        draw(strategies.lists(spaced, min_size=1, max_size=3))
    ):
        value = space + gap.join([*names, 'rootapp'])
        delimiter = draw(strategies.sampled_from([' =', ':', '=']))
        if draw(strategies.booleans()):
            section = f'[pipeline:p{number}]\npipeline{delimiter}{value}'
        else:
            section = (
                f'[composite:c{number}]\nflavour{delimiter}{value}\n'
                'paste.composite_factory = glance.api:pipeline_factory'
            )
        sections.append(section)
    extra = '[filter:context]\nuse = x'
    sections.insert(draw(strategies.integers(0, len(sections))), extra)
    apart = draw(strategies.sampled_from(['\n', '\n\n', '\n# c\n']))
    end = draw(strategies.sampled_from(['', '\n', '\n\n', '\n#']))
    eol = draw(strategies.sampled_from(['\n', '\r\n', '\r']))
    return (apart.join(sections) + end).replace('\n', eol)


class RoundTripTest(unittest.TestCase):
    @hypothesis.given(files())
    @hypothesis.settings(max_examples=150, deadline=None)
    def test_disable_undoes_enable_to_the_byte(self, text):
        try:
            enabled = paste_ini.enable(text)
        except paste_ini.PasteError:
            hypothesis.reject()
        self.assertEqual(enabled, paste_ini.enable(enabled))
        self.assertEqual(text, paste_ini.disable(enabled))

    @hypothesis.given(files())
    @hypothesis.settings(max_examples=150, deadline=None)
    def test_enabled_pipelines_are_the_old_ones_and_ours(self, text):
        try:
            enabled = paste_ini.pipelines(paste_ini.enable(text))
        except paste_ini.PasteError:
            hypothesis.reject()
        for old, new in zip(paste_ini.pipelines(text), enabled, strict=False):
            names = [word.text for word in new.words]
            if old.context is not None:
                self.assertEqual('glance_ext', names.pop(old.context + 1))
            self.assertEqual([word.text for word in old.words], names)


class ShippedTest(unittest.TestCase):
    @unittest.skipUnless(SHIPPED.exists(), 'no Glance in this environment')
    def test_the_file_of_the_installed_glance(self):
        text = SHIPPED.read_text()
        enabled = paste_ini.enable(text)
        self.assertEqual(text, paste_ini.disable(enabled))
        names = [str(each.option.key) for each in paste_ini.pipelines(enabled)]
        self.assertIn('keystone+cachemanagement', names)
        for pipeline in paste_ini.pipelines(enabled):
            with self.subTest(str(pipeline)):
                self.assertEqual([pipeline.context + 1], pipeline.ours)

    def test_our_example_files_are_enabled_already(self):
        for name in ('glance-api-paste', 'glance-api-paste-pipeline'):
            with self.subTest(name):
                text = (EXAMPLES / f'{name}.ini').read_text()
                self.assertEqual(text, paste_ini.enable(text))

    def test_our_snippet_is_the_section_that_enable_writes(self):
        snippet = (EXAMPLES / 'glance-ext-filter.ini').read_text()
        parser = configparser.ConfigParser()
        parser.read_string(snippet)
        self.assertEqual(
            {'use': paste_ini.USE}, dict(parser[f'filter:{paste_ini.FILTER}'])
        )
