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

# Patterns and not compiled ones: most runs of a program need none of them.
_STATUS_LINE = r'\A\s*\d{3}\b[^\n]*'
_HIDDEN = r'(?is)<!--.*?-->|<(head|script|style)\b.*?</\1\s*>'
_HEADING = r'(?is)<h1\b[^>]*>(.*?)</h1\s*>'
_TAG = r'(?i)</?[a-z][^>]*>'
#: The one piece of HTML in Glance's JSON errors. Anything else that looks
#: like a tag there is what somebody wrote, such as ``<image>``.
_BREAK = r'(?i)<br\s*/?>'


def explain(text: str, content_type: str, reason: str) -> str:
    """Return what an error's body says, on one line and printable.

    :param reason: the words of the status line, for a body without any
    """
    if 'json' in content_type:
        words = _from_json(text)
    elif 'html' in content_type:
        words = _from_html(text)
    else:
        words = re.sub(_STATUS_LINE, '', text)
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
            return re.sub(_BREAK, ' ', message)
    return body if isinstance(body, str) else ''


def _from_html(text: str) -> str:
    shown = re.sub(_HIDDEN, ' ', text)
    body = re.sub(_TAG, ' ', re.sub(_HEADING, ' ', shown))
    if not body.strip():
        body = re.sub(_TAG, ' ', ' '.join(re.findall(_HEADING, shown)))
    return html.unescape(body)
