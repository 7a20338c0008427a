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
"""Whatever a client sends to our routes, it gets an answer, and no 500.

A few hundred requests of each kind; many with ``GLANCE_EXT_SOAK=1``. A
failure prints how to run the same request again.
"""

import contextlib
import json
import re
import socket
import urllib.parse

import hypothesis
from hypothesis import strategies as st

from glance_ext.api import routes
from tests.functional import cases
from tests.functional.cases import ABSENT
from tests.harness import users
from tests.harness.soaking import SOAK

#: Seconds within which a request is answered, however busy the machine is.
PATIENCE = 20

settings = hypothesis.settings(
    max_examples=20_000 if SOAK else 600,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[*hypothesis.HealthCheck],
)

METHODS = st.one_of(
    st.sampled_from(('GET', 'POST', 'POST', 'POST', 'PUT', 'PATCH', 'DELETE',
                     'HEAD', 'OPTIONS', 'TRACE', 'FOO', 'PROPFIND')),
    st.text('ABCDEFGHIJKLMNOPQRSTUVWXYZ', min_size=1, max_size=20),
)
PEOPLE = st.sampled_from((
    users.ADMIN, users.ADMIN, users.MEMBER, users.READER, users.OTHER,
    users.SYSTEM, users.UNSCOPED, users.NOBODY))

#: Without lone surrogates, which are no UTF-8: Glance's own first filter
#: answers 500 to any path that is no UTF-8, long before ours is asked.
TEXT = st.text(st.characters(codec='utf-8'), max_size=40)
NAMES = st.sampled_from((
    'Accept', 'Accept-Charset', 'Accept-Encoding', 'Accept-Language',
    'Content-Type', 'Content-Encoding', 'Content-MD5', 'Content-Range',
    'Range', 'If-Match', 'If-None-Match', 'If-Modified-Since', 'Date',
    'Authorization', 'Cookie', 'Host', 'Origin', 'Referer',
    'User-Agent', 'X-Forwarded-For', 'X-Forwarded-Host',
    'X-Forwarded-Proto', 'X-HTTP-Method-Override', 'X-Image-Meta-Store',
    'X-Openstack-Request-Id', 'Idempotency-Key', 'OpenStack-API-Version',
    'X-Roles', 'X-Project-Id', 'X-User-Id', 'X-Is-Admin-Project'))
VALUES = st.one_of(
    st.sampled_from((
        '', '*/*', 'application/json', 'text/html', 'text/html;q=x', ';,;',
        'application/vnd.openstack.images-v2', 'application/json;charset=x',
        'application/x-www-form-urlencoded', 'multipart/form-data',
        'gzip', 'bytes=0-', '-1', '0', 'null', 'fast', 'DELETE', 'admin',
        '100-continue', 'Mon, 99 Foo', 'de-CH, *;q=0.1', 'utf-16')),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
    st.text(st.characters(min_codepoint=160, max_codepoint=255), max_size=9),
)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=4)

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(),
              st.text(max_size=20),
              st.sampled_from(('sha512', 'md5', 'shake_128', 'SHA512'))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(
            st.sampled_from(('os_hash_algo', 'rehash')),
            st.text(max_size=10)), inner, max_size=4)),
    max_leaves=12)
ASKED = st.fixed_dictionaries({}, optional={
    'os_hash_algo': st.sampled_from(('sha512', 'sha1', 'blake2b', 'sha9')),
    'rehash': st.booleans()})
BODIES = st.one_of(
    st.just(b''),
    st.builds(lambda value: json.dumps(value).encode(), ASKED),
    st.builds(lambda value: json.dumps(value).encode(), JSON),
    st.binary(max_size=200),
    st.builds(lambda piece, count: piece * count,
              st.sampled_from((b'[', b'{"a":', b'"', b' ', b'1', b'\0',
                               b'{"rehash":true,', b'\xff')),
              st.integers(1, 70_000)),
)
FRAMINGS = st.sampled_from((
    'length', 'length', 'chunked', 'none', 'too short', 'cut off', 'both',
    'negative', 'no number', 'unknown coding', 'broken chunks'))
CUT_OFF = ('cut off', 'broken chunks')


def framed(body: bytes, framing: str) -> tuple[list[tuple[str, str]], bytes]:
    """Return the headers that frame a body, and what is sent as the body."""
    length = str(len(body))
    chunked = b'%x\r\n%b\r\n0\r\n\r\n' % (len(body), body) if body else (
        b'0\r\n\r\n')
    return {
        'length': ([('Content-Length', length)], body),
        'chunked': ([('Transfer-Encoding', 'chunked')], chunked),
        'none': ([], b''),
        'too short': ([('Content-Length', str(len(body) // 2))], body),
        'cut off': ([('Content-Length', str(len(body) + 1))], body),
        'both': ([('Transfer-Encoding', 'chunked'),
                  ('Content-Length', length)], chunked),
        'negative': ([('Content-Length', '-1')], body),
        'no number': ([('Content-Length', 'x')], body),
        'unknown coding': ([('Transfer-Encoding', 'gzip')], body),
        'broken chunks': ([('Transfer-Encoding', 'chunked')], body),
    }[framing]


class FuzzTest(cases.HashCase):
    def setUp(self):
        super().setUp()
        self.images = [
            self.glance.legacy(b'data', user=user, visibility=visibility)
            for user, visibility in (
                (users.MEMBER, 'private'), (users.ADMIN, 'public'))]
        self.images += [self.glance.create()['id'], ABSENT]
        self.actions = [self.hash(image)['id'] for image in self.images[:1]]
        self.before = len(self.glance.log())

    def tearDown(self):
        self.assertTrue(self.glance.answers())
        log = self.glance.log()[self.before:]
        for line in log.splitlines():
            self.assertNotIn('Traceback', line)
            self.assertFalse(' ERROR ' in line and 'glance_ext' in line, line)

    def ids(self):
        return st.one_of(
            st.sampled_from([*self.images, *self.actions]), TEXT)

    def paths(self):
        """Return a strategy for paths of ours and such beside them."""
        template = st.sampled_from(sorted(routes.methods()))
        path = st.builds(self.fill, template, self.ids())
        beside = st.builds(
            lambda parts, at, piece: '/'.join(
                parts[:at] + [urllib.parse.quote(piece)] + parts[at + 1:]),
            path.map(lambda text: text.split('/')), st.integers(1, 5), TEXT)
        return st.builds(
            lambda text, ending: text + ending, st.one_of(path, path, beside),
            st.sampled_from(('', '', '', '', '/', '//', '?', '?x=1', '%20',
                             '?limit=x&marker=%00', ';x', '.json', '%0A')))

    @staticmethod
    def fill(template, name):
        quoted = urllib.parse.quote(name, safe='')
        return re.sub(r'{\w+}', lambda match: quoted, template)

    def send(self, method, path, user, headers, body, framing):
        """Return the status of the answer; None where the end came first."""
        extra, sent = framed(body, framing)
        lines = [f'{method} {path} HTTP/1.1', 'Connection: close']
        if 'Host' not in dict(headers):
            lines.append('Host: localhost')
        if user:
            lines.append(f'X-Auth-Token: {user.token}')
        lines += [f'{name}: {value}' for name, value in (*headers, *extra)]
        request = '\r\n'.join([*lines, '', '']).encode('latin-1') + sent
        address = ('127.0.0.1', self.glance.port)
        with socket.create_connection(address, timeout=PATIENCE) as to:
            # A server that refuses a request may not wait for its end.
            with contextlib.suppress(OSError):
                to.sendall(request)
                if framing in CUT_OFF:
                    to.shutdown(socket.SHUT_WR)
            answer = b''
            with contextlib.suppress(ConnectionError):
                while part := to.recv(65536):
                    answer += part
        # The server may say that it waits for a body, and then what it says.
        while answer.startswith(b'HTTP/1.1 100 '):
            answer = answer.partition(b'\r\n\r\n')[2]
        return int(answer.split(b' ', 2)[1]) if answer else None

    def run_all(self, *parts):
        """Send requests of these parts; see that each is answered."""
        @settings
        @hypothesis.given(st.tuples(*parts))
        def run(request):
            status = self.send(*request)
            if status is None:
                # Of a request that was cut off nothing is to be answered.
                self.assertIn(request[-1], CUT_OFF)
            else:
                # 501: Glance to a method, a server to a coding.
                self.assertTrue(status < 500 or status == 501, status)
        run()

    def test_any_request(self):
        self.run_all(METHODS, self.paths(), PEOPLE, HEADERS, BODIES, FRAMINGS)

    def test_any_body_to_the_hash_call(self):
        self.run_all(
            st.just('POST'), st.sampled_from(self.images).map(cases.url),
            st.just(users.ADMIN), HEADERS, BODIES,
            st.sampled_from(('length', 'chunked')))
