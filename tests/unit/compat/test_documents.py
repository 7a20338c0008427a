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
"""Whatever stands in a body, it is a document or an answer."""

import io
import json
import unittest
from unittest import mock

import webob
import webob.exc

from glance_ext.compat import compute_images
from glance_ext.compat import documents
from glance_ext.compat.v1 import application


def request(body, **more):
    found = webob.Request.blank('/', method='PUT')
    if body is not None:
        found.body = body
    found.environ.update(more)
    return found


class ReadTest(unittest.TestCase):
    def test_a_document(self):
        for value in ({}, [], 'ä', None, {'a': [1, {'b': 2.5}]}):
            self.assertEqual(value, documents.read(
                request(json.dumps(value).encode())))

    def test_what_is_none(self):
        deep = documents.DEPTH + 1
        for body in (b'', b'{', b'\xff', b'"\\ud800"', b'[' * 60_000,
                     b'[' * deep + b']' * deep, b'9' * 5000):
            with self.subTest(body[:9]), self.assertRaises(ValueError):
                documents.read(request(body))

    def test_what_is_too_large_is_not_read_to_its_end(self):
        asked = request(b' ' * (documents.LIMIT + 100))
        with self.assertRaises(webob.exc.HTTPRequestEntityTooLarge):
            documents.read(asked)
        endless = io.BufferedReader(Endless())
        with self.assertRaises(webob.exc.HTTPRequestEntityTooLarge):
            documents.read(request(b'', **{
                'wsgi.input': endless, 'wsgi.input_terminated': True,
                'CONTENT_LENGTH': None}))

    def test_what_is_cut_off(self):
        with self.assertRaises(ValueError):
            documents.read(request(None, **{
                'wsgi.input': io.BytesIO(b'{}'), 'CONTENT_LENGTH': '9'}))


class Endless(io.RawIOBase):
    def readable(self):
        return True

    def readinto(self, buffer):
        buffer[:] = b' ' * len(buffer)
        return len(buffer)


class UnforeseenTest(unittest.TestCase):
    """What nobody thought of is an answer too."""

    def test_both_applications_answer(self):
        for made in (application.Application(None),
                     compute_images.Application(None, 1)):
            made._answer = mock.Mock(side_effect=RecursionError)
            with self.assertLogs('glance_ext.compat', 'ERROR'):
                answer = request(b'').get_response(made)
            self.assertEqual(500, answer.status_int)
