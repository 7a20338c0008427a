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

import unittest

from glance_ext.client import words

GLANCE_HTML = """<html>
 <head>
  <title>409 Conflict</title>
 </head>
 <body>
  <h1>409 Conflict</h1>
  Image &quot;i1&quot; is not active.<br /><br />



 </body>
</html>"""

GLANCE_PLAIN = """409 Conflict

Image "i1" is not active.

   """

PROXY_HTML = """<html><body><h1>503 Service Unavailable</h1>
No server is available to handle this request.
</body></html>
"""


class ExplainTest(unittest.TestCase):
    def explained(self, text, content_type, reason='Conflict'):
        return words.explain(text, content_type, reason)

    def test_the_forms_of_a_glance(self):
        message = r'{"message": "Image \"i1\" is not active.<br /><br />\n"}'
        for text, content_type in (
            (message, 'application/json'),
            (GLANCE_HTML, 'text/html; charset=UTF-8'),
            (GLANCE_PLAIN, 'text/plain; charset=UTF-8'),
        ):
            with self.subTest(content_type):
                self.assertEqual(
                    'Image "i1" is not active.',
                    self.explained(text, content_type),
                )

    def test_the_form_of_keystone(self):
        self.assertEqual(
            'Authentication needed.',
            self.explained(
                '{"error": {"message": "Authentication needed."}}',
                'application/json',
            ),
        )

    def test_the_forms_of_proxies(self):
        self.assertEqual(
            'No server is available to handle this request.',
            self.explained(PROXY_HTML, 'text/html'),
        )
        only = '<html><h1>502 Bad Gateway</h1><!-- padding --></html>'
        self.assertEqual('502 Bad Gateway', self.explained(only, 'text/html'))

    def test_what_looks_like_a_tag_in_json_is_what_somebody_wrote(self):
        self.assertEqual(
            'No image <i1> found',
            self.explained(
                '{"message": "No image <i1> found<br />"}', 'application/json'
            ),
        )

    def test_without_words_the_reason_is_given(self):
        for text, content_type in (
            ('', 'text/plain'),
            ('', 'application/json'),
            ('{}', 'application/json'),
            ('[1]', 'application/json'),
            ('{"message": ""}', 'application/json'),
            ('<html></html>', 'text/html'),
        ):
            with self.subTest(text):
                self.assertEqual(
                    'Conflict', self.explained(text, content_type)
                )
        self.assertEqual(
            'no explanation given', self.explained('', 'text/plain', '')
        )

    def test_json_that_is_none_is_text(self):
        self.assertEqual(
            'Go away', self.explained('Go\naway', 'application/json')
        )

    def test_nothing_reaches_the_terminal_but_letters(self):
        self.assertEqual('red ?[31m', words.printable('red\n\x1b[31m'))
