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


import hashlib
import io
import os
import tempfile
import threading
import unittest

import requests

from glance_ext.compat import bodies


class Answer:
    """As much of a response as is used."""

    closed = False

    def iter_content(self, size):
        yield from (b'ab', b'c')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed = True


class ChunksTest(unittest.TestCase):
    def test_the_digest_is_compared_at_the_end(self):
        for algorithm in ('md5', 'sha512'):
            digest = hashlib.new(algorithm, b'abc').hexdigest()
            answer = Answer()
            body = bodies.chunks(answer, algorithm, digest)
            self.assertEqual([b'ab', b'c'], list(body))
            self.assertTrue(answer.closed)
            with self.assertRaises(OSError):
                list(bodies.chunks(Answer(), algorithm, digest[::-1]))

    def test_without_a_digest_nothing_is_compared(self):
        for algorithm, digest in (('md5', None), ('unknown', 'x')):
            body = bodies.chunks(Answer(), algorithm, digest)
            self.assertEqual(b'abc', b''.join(body))


class UploadTest(unittest.TestCase):
    def test_it_goes_out_in_chunks(self):
        data = os.urandom(bodies.CHUNK * 2 + 1)
        for given in (data, io.BytesIO(data)):
            found = list(bodies.Upload(given))
            self.assertEqual([bodies.CHUNK] * 2 + [1], list(map(len, found)))
            self.assertEqual(data, b''.join(found))

    def test_a_file_begins_where_it_was(self):
        file = io.BytesIO(b'abcdef')
        file.read(2)
        upload = bodies.Upload(file)
        for _ in range(2):
            self.assertTrue(upload.again())
            self.assertEqual(b'cdef', b''.join(upload))

    def test_an_iterator_is_sent_once(self):
        upload = bodies.Upload(iter([b'a']))
        self.assertTrue(upload.again())
        self.assertEqual([b'a'], list(upload))
        self.assertFalse(upload.again())

    def test_requests_sends_it_in_chunks(self):
        request = requests.Request('PUT', 'http://x', data=bodies.Upload(b'a'))
        headers = request.prepare().headers
        self.assertEqual('chunked', headers['Transfer-Encoding'])


class WriteTest(unittest.TestCase):
    def test_a_pipe_is_written_to(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 'pipe')
            os.mkfifo(path)
            read = []
            reader = threading.Thread(
                target=lambda: read.append(open(path, 'rb').read())
            )
            reader.start()
            self.assertIsNone(bodies.write([b'a', b'b'], None, path))
            reader.join(10)
        self.assertEqual([b'ab'], read)

    def test_data_comes_before_a_path(self):
        file = io.BytesIO()
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 'none')
            self.assertIsNone(bodies.write([b'a'], file, path))
            self.assertFalse(os.path.exists(path))
        self.assertEqual(b'a', file.getvalue())
