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


"""Data that is not as announced ends in an error and in no image."""

import hashlib
import io
import unittest

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import webob
import webob.exc

from glance_ext.compat.v1 import data

QUICKLY = settings(deadline=None, max_examples=50, database=None)


def body(content, size=None, checksum=None):
    request = webob.Request.blank('/', method='PUT')
    request.environ['wsgi.input'] = io.BytesIO(content)
    return data.Body(request, size, checksum)


def read(found, step):
    chunks = []
    while chunk := found.read(step):
        chunks.append(chunk)
    return b''.join(chunks)


class BodyTest(unittest.TestCase):
    @QUICKLY
    @given(st.binary(min_size=1, max_size=50), st.integers(1, 60))
    def test_what_was_announced_comes_whole(self, content, step):
        digest = hashlib.md5(content).hexdigest()
        for size in (None, len(content)):
            for checksum in (None, digest):
                found = read(body(content, size, checksum), step)
                self.assertEqual(content, found)

    @QUICKLY
    @given(st.binary(min_size=1, max_size=50), st.integers(1, 60))
    def test_what_was_not_announced_is_refused(self, content, step):
        for size, checksum in (
            (len(content) + 1, None), (len(content) - 1, None),
            (None, '0' * 32), (len(content), '0' * 32),
        ):
            with self.assertRaises(webob.exc.HTTPBadRequest):
                read(body(content, size, checksum), step)

    def test_a_store_that_never_sees_the_end_is_told_in_time(self):
        found = body(b'data', 4, '0' * 32)
        with self.assertRaises(webob.exc.HTTPBadRequest):
            found.read(4)


class ThereTest(unittest.TestCase):
    def test_data_is_there(self):
        for headers, there in (
            ({}, False), ({'Content-Length': '0'}, False),
            ({'Content-Length': '1'}, True),
            ({'Transfer-Encoding': 'chunked'}, True),
            ({'Transfer-Encoding': 'Chunked'}, True),
            ({'Transfer-Encoding': 'gzip'}, False),
        ):
            request = webob.Request.blank('/', headers=headers)
            self.assertEqual(there, data.is_there(request), headers)


class ChunksTest(unittest.TestCase):
    def test_the_chunks_of_uwsgi_are_one_stream(self):
        class Uwsgi:
            chunks = [b'abc', b'de', b'']

            def chunked_read(self):
                return self.chunks.pop(0)

        stream = data._Chunks(Uwsgi())
        found = [stream.read(n) for n in (2, 2, -1, 5)]
        self.assertEqual([b'ab', b'c', b'de', b''], found)
