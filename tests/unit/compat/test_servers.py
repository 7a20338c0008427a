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


"""Which image server is asked, and how often."""

import http.server
import io
import threading
import types
import unittest
from unittest import mock

from oslo_config import cfg

from glance_ext.compat import bodies
from glance_ext.compat import errors
from glance_ext.compat import options
from glance_ext.compat import servers


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.seen.append(dict(self.headers))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(status)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def do_PUT(self):
        while size := int(self.rfile.readline(), 16):
            self.server.data.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        self.do_GET()

    def log_message(self, *_):
        pass


def config(**values):
    conf = cfg.ConfigOpts()
    conf([])
    options.register_opts(conf)
    for name, value in values.items():
        conf.set_override(name, value, 'glance')
    return conf


class ServersTest(unittest.TestCase):
    context = types.SimpleNamespace(auth_token='secret')

    def setUp(self):
        self.enterContext(mock.patch.object(servers, 'PAUSE', 0))

    def server(self, *statuses):
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        server.statuses, server.seen, server.data = list(statuses), [], []
        threading.Thread(target=server.serve_forever).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server, f'http://127.0.0.1:{server.server_port}'

    def ask(self, *urls, retries=2, **how):
        conf = config(api_servers=list(urls), num_retries=retries)
        through = servers.Servers(conf=conf)
        return through.request(self.context, path='/v2/images', **{
            'method': 'GET', **how})

    def test_the_token_goes_out(self):
        server, url = self.server()
        self.assertEqual(200, self.ask(url).status_code)
        self.assertEqual('secret', server.seen[0]['X-Auth-Token'])

    def test_503_is_asked_again_and_other_answers_are_not(self):
        for statuses, expected, times in (
            ([503, 503, 200], 200, 3),
            ([500], 500, 1),
            ([404], 404, 1),
            ([301], 301, 1),
        ):
            server, url = self.server(*statuses)
            self.assertEqual(expected, self.ask(url).status_code)
            self.assertEqual(times, len(server.seen))

    def test_the_servers_take_turns(self):
        _, url = self.server(*[503] * 20)
        other, second = self.server()
        for _ in range(4):
            self.assertEqual(200, self.ask(url, second).status_code)
        self.assertEqual(4, len(other.seen))

    def test_one_that_is_away_is_replaced(self):
        away, url = self.server()
        _, here = self.server()
        away.shutdown()
        away.server_close()
        for _ in range(4):
            self.assertEqual(200, self.ask(url, here).status_code)

    def test_it_ends_after_the_retries(self):
        server, url = self.server(503, 503, 503, 503)
        with self.assertRaises(errors.GlanceConnectionFailed) as caught:
            self.ask(url)
        self.assertEqual(3, len(server.seen))
        self.assertNotIn('secret', str(caught.exception))
        server, url = self.server(503, 503)
        with self.assertRaises(errors.GlanceConnectionFailed):
            self.ask(url, retries=0)
        self.assertEqual(1, len(server.seen))

    def test_data_is_sent_again_from_its_beginning_or_not_at_all(self):
        for data, times in ((b'data', 2), (io.BytesIO(b'data'), 2),
                            (iter([b'data']), 1)):
            server, url = self.server(503)
            upload = bodies.Upload(data)
            how = {'method': 'PUT', 'data': upload, 'again': upload.again}
            if times == 1:
                with self.assertRaises(errors.GlanceConnectionFailed):
                    self.ask(url, **how)
            else:
                self.assertEqual(200, self.ask(url, **how).status_code)
            self.assertEqual([b'data'] * times, server.data)


class WhereTest(unittest.TestCase):
    def where(self, catalog=(), endpoint=None, **values):
        found = servers.Servers(endpoint, config(**values))
        return found.next(types.SimpleNamespace(service_catalog=catalog))

    def test_the_order_of_what_says_it(self):
        catalog = [{'type': 'image', 'name': 'glance', 'endpoints': [
            {'publicURL': 'http://public:9292/v2/', 'region': 'one',
             'internalURL': 'http://internal:9292'}]}]
        for expected, how in (
            ('http://a', {'endpoint': 'http://a/', 'api_servers': ['x']}),
            ('http://b', {'api_servers': ['http://b/'],
                          'endpoint_override': 'x'}),
            ('http://c', {'endpoint_override': 'http://c'}),
            ('http://internal:9292', {}),
            ('http://public:9292', {'valid_interfaces': ['public']}),
        ):
            with self.subTest(expected):
                self.assertEqual(expected, self.where(catalog, **how))

    def test_nobody_says_it(self):
        for catalog in ([], [{'type': 'compute', 'endpoints': []}]):
            with self.assertRaises(errors.GlanceConnectionFailed):
                self.where(catalog)


class ReferenceTest(unittest.TestCase):
    def test_an_id_or_a_url(self):
        for reference, expected in (
            ('an-id', (None, 'an-id')),
            ('http://g:9292/v1/images/i', ('http://g:9292', 'i')),
            ('http://g/image/v2/images/i', ('http://g/image', 'i')),
        ):
            self.assertEqual(expected, servers.parse_reference(reference))

    def test_anything_else_is_refused(self):
        for reference in ('a/b', '/v2/images/i', 'http://g/i', 'http://g/',
                          'http://g/v2/servers/i'):
            with self.assertRaises(errors.InvalidImageRef):
                servers.parse_reference(reference)
