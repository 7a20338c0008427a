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
"""What stands before Glance's own application."""

import io
import re
import unittest

from oslo_config import cfg

from glance_ext import conf
from glance_ext.api import dispatch
from glance_ext.api import routes

IMAGE = '71c675ab-d94f-49cd-a114-e12490b328d9'
FORM = 'application/x-www-form-urlencoded'


class Host:
    """A Glance that notes what it is called with."""

    def __init__(self, status='200 OK'):
        self.status = status
        self.answer = iter([b'its', b'answer'])
        self.calls = []

    def __call__(self, environ, start_response):
        self.calls.append((environ, start_response))
        start_response(self.status, [('X', 'y')])
        return self.answer


def environ(method, path, **more):
    return {'REQUEST_METHOD': method, 'PATH_INFO': path, **more}


class MountTest(unittest.TestCase):
    def setUp(self):
        conf.register_opts(cfg.CONF)
        self.host = Host()
        self.starts = 0
        self.application = dispatch.mount(self.host, self.start)

    def start(self):
        self.starts += 1

    def respond(self, status, headers, exc_info=None):
        self.said = (status, headers)

    def test_what_is_not_ours_goes_through_untouched(self):
        for method, path in (
            ('GET', '/v2/images'), ('POST', f'/v2/images/{IMAGE}/import'),
            ('POST', f'/v2/images/{IMAGE}/hash/'), ('GET', '/'),
            ('GET', ''), ('PUT', f'/v2/images/{IMAGE}/file'),
            ('DELETE', f'/v2/images/{IMAGE}/tags/x'), ('DELETE', '/v2/x'),
        ):
            with self.subTest(method=method, path=path):
                asked = environ(method, path, more=object())
                before = dict(asked)
                answer = self.application(asked, self.respond)
                seen, responder = self.host.calls[-1]
                self.assertIs(asked, seen)
                self.assertEqual(before, asked)
                self.assertEqual(self.respond, responder)
                self.assertIs(self.host.answer, answer)

    def test_the_deletion_of_an_image_goes_through_as_well(self):
        asked = environ('DELETE', f'/v2/images/{IMAGE}')
        answer = self.application(asked, self.respond)
        self.assertIs(asked, self.host.calls[0][0])
        self.assertIs(self.host.answer, answer)
        self.assertEqual(('200 OK', [('X', 'y')]), self.said)
        self.assertEqual([b'its', b'answer'], list(answer))

    def test_a_failed_deletion_is_answered_even_if_it_cannot_be_noted(self):
        for status in ('409 Conflict', '500 Internal Server Error'):
            with self.subTest(status):
                self.host.status = status
                # No database is there to note it in.
                with self.assertLogs(
                        'glance_ext.api.passing', 'ERROR') as logged:
                    answer = self.application(
                        environ('DELETE', f'/v2/images/{IMAGE}'),
                        self.respond)
                self.assertIs(self.host.answer, answer)
                self.assertEqual(status, self.said[0])
                self.assertIn(IMAGE, logged.output[0])

    def test_nothing_starts_before_the_first_request(self):
        self.assertEqual(0, self.starts)

    def test_the_first_request_starts_the_node_and_no_other_does(self):
        for _ in range(3):
            self.application(environ('GET', '/v2/images'), self.respond)
            self.assertEqual(1, self.starts)

    def test_a_deletion_may_be_the_first_request(self):
        self.application(
            environ('DELETE', f'/v2/images/{IMAGE}'), self.respond)
        self.assertEqual(1, self.starts)

    def test_every_route_of_ours_stays_here(self):
        for route in routes.ROUTES:
            path = re.sub(r'\{\w+\}', IMAGE, route.path)
            with self.subTest(path):
                answer = self.application(environ(
                    route.method, path, **{'wsgi.url_scheme': 'http'}),
                    self.respond)
                # Nobody is known without Glance's filter before ours.
                self.assertEqual('401 Unauthorized', self.said[0])
                self.assertIn(b'401', b''.join(answer))
        self.assertEqual([], self.host.calls)

    def test_one_spelling_goes_on_to_glance(self):
        for path, plain in (
            ('/v2//images', '/v2/images'), ('//v2///x/', '/v2/x/'),
            ('/v2/tasks\n', '/v2/tasks'), ('/v2/x/\n', '/v2/x/\n'),
            ('/v2/x\n\n', '/v2/x\n\n'), ('/v2/x\n/y', '/v2/x\n/y'),
        ):
            with self.subTest(path):
                self.application(environ('GET', path), self.respond)
                self.assertEqual(
                    plain, self.host.calls[-1][0]['PATH_INFO'])

    def test_a_route_of_ours_is_known_in_every_spelling(self):
        for path in ('/v2//image-actions', '/v2/image-imports\n',
                     f'//v2/images//{IMAGE}///hash'):
            self.application(environ(
                'GET', path, **{'wsgi.url_scheme': 'http'}), self.respond)
            self.assertEqual('401 Unauthorized', self.said[0], path)

    def test_no_query_overrides_a_method(self):
        for query, status in (
            ('_method=POST', '400'), ('a=1;_method=get', '400'),
            ('a=_method&%5fmethod=PUT', '400'), ('_method=', '200'),
            ('%5fmethod=PUT', '200'), ('a=_method', '200'),
            ('_method=POST&a=%ff', '200'),
        ):
            for path in ('/v2/images', '/v2/image-actions'):
                self.application(environ(
                    'GET', path, QUERY_STRING=query,
                    **{'wsgi.url_scheme': 'http'}), self.respond)
                wanted = '401' if (path, status) == (
                    '/v2/image-actions', '200') else status
                self.assertEqual(wanted, self.said[0][:3], query)

    def form(self, kind, body, **more):
        self.application(environ('POST', f'/v2/images/{IMAGE}', **{
            'CONTENT_TYPE': kind, 'CONTENT_LENGTH': str(len(body)),
            'wsgi.input': io.BytesIO(body), 'wsgi.url_scheme': 'http',
            **more}), self.respond)
        return self.said[0][:3]

    def test_no_form_overrides_a_method(self):
        self.assertEqual('400', self.form(FORM, b'a=1&_method=DELETE'))
        self.assertEqual('400', self.form(
            'multipart/form-data; boundary=b', b'--b\r\nContent-Disposition: '
            b'form-data; name="_method"\r\n\r\nPUT\r\n--b--\r\n'))
        self.assertEqual([], self.host.calls)
        # The type of the JSON that curl sends unless it is told another one.
        for kind in (FORM, 'application/json'):
            self.assertEqual('200', self.form(kind, b'{"a": "_method=PUT"}'))
            left = self.host.calls[-1][0]['wsgi.input'].read()
            self.assertEqual(b'{"a": "_method=PUT"}', left)

    def test_a_form_that_cannot_be_read_is_refused(self):
        for kind, body, more in (
            ('multipart/form-data', b'--\r\n', {}),
            (FORM + '; charset=latin-1', b'a=1', {}),
            (FORM, b'a=1', {'CONTENT_LENGTH': '9'}),
        ):
            self.assertEqual('400', self.form(kind, body, **more), kind)
        self.assertEqual([], self.host.calls)
