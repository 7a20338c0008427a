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
"""Tasks that callers make, and that may not pass for actions."""

import json
import unittest

import webob.exc

from glance_ext.api import tasks
from glance_ext.host import wsgi


class RequireForeignTest(unittest.TestCase):
    def test_a_task_that_looks_like_an_action_is_refused(self):
        for text in (
            '{"type": "import", "input": {"glance_ext": {}}}',
            r'{"input": {"glance\u005fext": null}}',
        ):
            with self.subTest(text), self.assertRaises(
                webob.exc.HTTPBadRequest
            ):
                tasks.require_foreign(text.encode())

    def test_every_other_body_is_glances(self):
        for body in ({}, [], {'input': 'glance_ext'}, {'input': {}}, 1):
            tasks.require_foreign(json.dumps(body).encode())
        for raw in (b'', b'{', b'\xff', b'\xef\xbb\xbf{}', b'7' * 5000,
                    '{"input": {"glance_ext": 1}}'.encode('utf-16')):
            tasks.require_foreign(raw)

    def test_a_body_too_deep_to_be_looked_at_is_refused(self):
        for raw in (b'[' * 100_000, b'[' * 40 + b']' * 40):
            with self.assertRaises(wsgi.TooDeep):
                tasks.require_foreign(raw)
