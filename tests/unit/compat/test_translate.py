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


"""Images of v1 and v2 are the same images, whatever they are called."""

import json
import unittest

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from glance_ext.compat import translate

QUICKLY = settings(deadline=None, max_examples=50, database=None)

BASE = sorted(translate.BASE)
WRITABLE = sorted(translate.BASE - translate.READ_ONLY)

# Names as bad as v2 takes them: JSON has no rule for them.
names = st.text(max_size=20) | st.sampled_from(
    [
        'Os_Type',
        'os_type',
        'os%5Ftype',
        'x\r\nX-Evil: 1',
        'a/b~c',
        'naïve',
        'is_public',
        'properties',
        'limit',
        'os_glance_import_task',
        'block_device_mapping',
        *BASE,
        'deleted',
        'location',
    ]
)
values = st.text(max_size=30) | st.sampled_from(['None', '100%', '{"a": 1}'])
properties = st.dictionaries(names, values, max_size=6)
writable = properties.map(
    lambda p: {n: v for n, v in p.items() if translate.is_writable(n)}
)
VISIBILITIES = ('public', 'private', 'shared', 'community')


@st.composite
def documents(draw):
    """Images as v2 shows them."""
    optional = st.none() | st.text(max_size=8)
    return {
        **draw(writable),
        'id': draw(st.uuids().map(str)),
        'name': draw(optional),
        'status': draw(st.sampled_from(['active', 'queued'])),
        'visibility': draw(st.sampled_from(VISIBILITIES)),
        'size': draw(st.none() | st.integers(0, 1 << 40)),
        'checksum': draw(optional),
        'disk_format': draw(st.none() | st.just('raw')),
        'container_format': draw(st.none() | st.just('bare')),
        'min_ram': draw(st.integers(0, 64)),
        'min_disk': draw(st.integers(0, 64)),
        'owner': draw(optional),
        'protected': draw(st.booleans()),
        'created_at': '2026-11-21T10:00:00Z',
        'updated_at': '2026-11-21T10:00:01Z',
    }


def apply(document, patch):
    """Return a document after a JSON patch of ours."""
    found = dict(document)
    for step in patch:
        name = step['path'][1:].replace('~1', '/').replace('~0', '~')
        if step['op'] == 'remove':
            del found[name]
        else:
            found[name] = step['value']
    return found


class RoundTripTest(unittest.TestCase):
    @QUICKLY
    @given(documents())
    def test_what_was_read_and_is_written_back_changes_nothing(self, document):
        unset = {
            name
            for name in document
            if translate.is_unset(name, document[name])
        }
        for image in (
            translate.from_v2(document),
            translate.structured(translate.from_v2(document)),
        ):
            for purge in (True, False):
                patch = translate.changes(document, image, purge)
                self.assertEqual(
                    [],
                    [
                        step
                        for step in patch
                        if step['path'][1:] not in unset
                        and step.get('path') != '/block_device_mapping'
                    ],
                )

    @QUICKLY
    @given(documents())
    def test_an_image_has_all_of_its_properties_and_no_other(self, document):
        image = translate.from_v2(document)
        expected = {n: v for n, v in document.items() if n not in BASE}
        self.assertEqual(expected, image['properties'])

    @QUICKLY
    @given(documents())
    def test_translating_twice_is_translating_once(self, document):
        once = translate.to_v2(translate.from_v2(document))
        self.assertEqual(once, translate.to_v2(translate.from_v2(once)))

    @QUICKLY
    @given(documents(), writable)
    def test_after_an_update_with_purge_the_properties_are_the_new_ones(
        self, document, wanted
    ):
        image = {'properties': wanted}
        found = apply(document, translate.changes(document, image, True))
        expected = {
            n: v for n, v in wanted.items() if not translate.is_unset(n, v)
        }
        self.assertEqual(expected, translate.from_v2(found)['properties'])

    @QUICKLY
    @given(documents(), writable)
    def test_an_update_without_purge_removes_only_what_is_unset(
        self, document, wanted
    ):
        image = {'properties': wanted}
        found = apply(document, translate.changes(document, image, False))
        for name in document:
            if name not in wanted:
                self.assertEqual(document[name], found[name])

    def test_glances_own_properties_stay_in_a_purge(self):
        document = {'os_glance_import_task': 'x', 'other': 'y'}
        self.assertEqual(
            [{'op': 'remove', 'path': '/other'}],
            translate.changes(document, {'properties': {}}, True),
        )

    def test_a_property_that_becomes_none_is_removed_without_purge(self):
        for name, value in (('a', None), ('kernel_id', 'None')):
            self.assertEqual(
                [{'op': 'remove', 'path': f'/{name}'}],
                translate.changes(
                    {name: 'x'}, {'properties': {name: value}}, False
                ),
            )


class ShadowingTest(unittest.TestCase):
    @QUICKLY
    @given(st.sampled_from(WRITABLE), values, values, st.booleans())
    def test_a_custom_property_never_overrides_a_base_one(
        self, name, outer, inner, first
    ):
        if name in ('min_ram', 'min_disk'):
            outer = '7'
        pair = [(name, outer), ('properties', {name: inner})]
        image = dict(pair if first else reversed(pair))
        expected = 7 if outer == '7' and name.startswith('min_') else outer
        self.assertEqual({name: expected}, translate.to_v2(image))

    @QUICKLY
    @given(st.sampled_from(BASE + ['deleted', 'location']), values)
    def test_a_custom_property_named_like_a_base_one_is_ignored(
        self, name, value
    ):
        self.assertEqual({}, translate.to_v2({'properties': {name: value}}))

    @QUICKLY
    @given(documents())
    def test_what_glance_sets_is_never_sent(self, document):
        sent = translate.to_v2(translate.from_v2(document))
        self.assertFalse(set(sent) & translate.READ_ONLY)


class VisibilityTest(unittest.TestCase):
    def test_an_image_that_is_not_public_keeps_its_visibility(self):
        for current in ('private', 'shared', 'community'):
            self.assertEqual(current, translate.visibility(False, current))

    def test_an_image_is_published_and_withdrawn(self):
        self.assertEqual('public', translate.visibility(True, 'shared'))
        self.assertEqual('private', translate.visibility(False, 'public'))
        self.assertEqual('private', translate.visibility(False))

    def test_the_word_false_publishes_nothing(self):
        for word in ('False', 'false', '0', 'no', ''):
            self.assertEqual('private', translate.visibility(word))


class NovaTest(unittest.TestCase):
    def test_what_nova_never_had_is_left_out(self):
        image = translate.for_nova(
            {
                'id': 'i',
                'visibility': 'shared',
                'size': None,
                'tags': [],
                'file': '/v2/images/i/file',
                'self': '/v2/images/i',
                'schema': '/v2/schemas/image',
                'protected': False,
                'virtual_size': None,
                'direct_url': 'file:///secret',
                'os_type': 'linux',
                'created_at': '2026-11-21T10:00:00Z',
            }
        )
        created = image.pop('created_at')
        self.assertEqual('2026-11-21T10:00:00+00:00', created.isoformat())
        self.assertEqual(
            {
                'id': 'i',
                'name': None,
                'disk_format': None,
                'container_format': None,
                'checksum': None,
                'deleted': False,
                'deleted_at': None,
                'is_public': False,
                'size': 0,
                'properties': {'os_type': 'linux'},
            },
            image,
        )

    @QUICKLY
    @given(
        st.lists(st.dictionaries(st.text(max_size=5), st.integers()))
        | st.dictionaries(st.text(max_size=5), st.text(max_size=5))
    )
    def test_structures_come_back_as_they_were(self, value):
        for name in ('block_device_mapping', 'mappings'):
            document = translate.to_v2({'properties': {name: value}})
            self.assertEqual(value, json.loads(document[name]))
            back = translate.structured(translate.from_v2(document))
            self.assertEqual({name: value}, back['properties'])

    def test_a_mapping_that_is_no_json_stays_a_text(self):
        for text in ('{', '', '7', '"x"'):
            document = {'block_device_mapping': text}
            image = translate.structured(translate.from_v2(document))
            self.assertEqual(document, image['properties'])

    def test_values_that_are_no_texts_become_texts(self):
        sent = translate.to_v2({'properties': {'a': 1, 'b': True, 'c': None}})
        self.assertEqual({'a': '1', 'b': 'True'}, sent)
