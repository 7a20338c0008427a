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
"""The JSON documents that requests bring, within limits."""

import json
from typing import Any

import webob
import webob.exc

#: Bytes that a document may have.
LIMIT = 64 * 1024
#: How many values may be in one another.
DEPTH = 32


def read(request: webob.Request) -> Any:
    """Return the JSON document in a request's body.

    :raises webob.exc.HTTPRequestEntityTooLarge: it has more than ``LIMIT``
        bytes
    :raises ValueError: it is none, or more than ``DEPTH`` values deep, or
        has a number or a character that none can have
    """
    source, raw = request.body_file, b''
    try:
        while len(raw) <= LIMIT and (
            part := source.read(LIMIT + 1 - len(raw))
        ):
            raw += part
    except OSError as error:
        raise ValueError('the body was cut off') from error
    if len(raw) > LIMIT:
        raise webob.exc.HTTPRequestEntityTooLarge(
            f'The request body is larger than {LIMIT} bytes'
        )
    try:
        found = json.loads(raw.decode())
    except RecursionError as error:
        raise ValueError('it is nested too deeply') from error
    _require_shallow(found)
    # JSON can write half of a character, which no database can hold.
    json.dumps(found, ensure_ascii=False).encode()
    return found


def _require_shallow(document: Any) -> None:
    level = [document]
    for _ in range(DEPTH):
        level = [
            inner
            for each in level
            if isinstance(each, list | dict)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    if level:
        raise ValueError('it is nested too deeply')
