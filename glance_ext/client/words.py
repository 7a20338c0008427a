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

"""The words of a server's error, whatever form they come in.

Glance answers errors as JSON, HTML or plain text, by what the client
accepts; Keystone's filter and proxies in front of Glance as they like.
"""

import html
import json
import re

_STATUS_LINE = re.compile(r'\A\s*\d{3}\b[^\n]*')
_HIDDEN = re.compile(
    r'<!--.*?-->|<(head|script|style)\b.*?</\1\s*>', re.DOTALL | re.IGNORECASE
)
_HEADING = re.compile(r'<h1\b[^>]*>(.*?)</h1\s*>', re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r'</?[a-z][^>]*>', re.IGNORECASE)
#: The one piece of HTML in Glance's JSON errors. Anything else that looks
#: like a tag there is what somebody wrote, such as ``<image>``.
_BREAK = re.compile(r'<br\s*/?>', re.IGNORECASE)


def explain(text: str, content_type: str, reason: str) -> str:
    """Return what an error's body says, on one line and printable.

    :param reason: the words of the status line, for a body without any
    """
    if 'json' in content_type:
        words = _from_json(text)
    elif 'html' in content_type:
        words = _from_html(text)
    else:
        words = _STATUS_LINE.sub('', text)
    return printable(words) or printable(reason) or 'no explanation given'


def printable(text: str) -> str:
    """Return the text on one line, without what a terminal would act on."""
    line = ' '.join(text.split())
    return ''.join(each if each.isprintable() else '?' for each in line)


def _from_json(text: str) -> str:
    try:
        body = json.loads(text)
    except ValueError:
        return text
    # Glance: {"message": ...}; Keystone and its middleware put the same
    # below "error", and others below a name of their own.
    bodies = [body]
    if isinstance(body, dict):
        bodies += body.values()
    for each in bodies:
        message = each.get('message') if isinstance(each, dict) else None
        if isinstance(message, str):
            return _BREAK.sub(' ', message)
    return body if isinstance(body, str) else ''


def _from_html(text: str) -> str:
    shown = _HIDDEN.sub(' ', text)
    body = _TAG.sub(' ', _HEADING.sub(' ', shown))
    if not body.strip():
        body = _TAG.sub(' ', ' '.join(_HEADING.findall(shown)))
    return html.unescape(body)
