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
"""One spelling for each request, and no method but its own.

What the filter decides on has to be what Glance's router decides on later.
The router takes several slashes for one and does not see a line break at the
end of a path; and it lets a parameter ``_method`` stand for the method.
"""

import re
from typing import Any

import webob
import webob.exc

_SLASHES = re.compile('//+')
# The "$" of a pattern matches before a line break that ends the text. One
# after a slash is a name to the router, and of two the first one is.
_BREAK = re.compile(r'(?<=[^/\n])\n\Z')


def plain(path: str) -> str:
    """Return a path in the one spelling that the filter knows.

    Glance's router sends it where it would have sent the other one.
    """
    return _BREAK.sub('', _SLASHES.sub('/', path))


def require_own_method(environ: dict[str, Any]) -> None:
    """Refuse a request whose query asks for another method.

    :raises webob.exc.HTTPBadRequest: it does
    """
    try:
        asked = webob.Request(environ).GET.get('_method')
    except UnicodeDecodeError:
        return  # the router does not read such a query either
    if asked:
        raise _overridden()


def require_own_method_in_form(environ: dict[str, Any]) -> None:
    """Refuse a POST whose form asks for another method.

    The router reads every form for that, and this reads it in the same way:
    with the same code, which keeps what it has read in ``environ``.

    :raises webob.exc.HTTPBadRequest: it does, or the form cannot be read
    """
    if 'form' not in environ.get('CONTENT_TYPE', '').lower():
        return
    request = webob.Request(environ)
    try:
        asked = request.POST.get('_method')
    except Exception as exc:
        # Whatever is wrong about a form, the router has no answer to it.
        raise webob.exc.HTTPBadRequest(
            explanation='The form in the request body cannot be read.'
        ) from exc
    if asked:
        raise _overridden()
    if request.is_body_seekable:
        request.body_file_raw.seek(0)


def _overridden() -> webob.exc.HTTPBadRequest:
    return webob.exc.HTTPBadRequest(
        explanation='The method of a request cannot be overridden: _method '
                    'is not supported.')
