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

"""What can go wrong with a call, by cause."""

from collections.abc import Sequence


class ClientError(Exception):
    """The base of all errors of this library; ``str()`` is for people."""


class Unreachable(ClientError):
    """There was no answer: no connection, no endpoint, no valid token."""


class UnexpectedAnswer(ClientError):
    """There was an answer, but none that this API gives."""


class Refused(ClientError):
    """The server said no, in its own words.

    :ivar status: the HTTP status; 0 where the library beneath does not tell
    :ivar words: the server's explanation, as plain text
    :ivar request_id: what the server's log calls the request, if known
    :ivar retry_after: seconds after which the server wants to be asked again,
        as where too many actions of the project wait; 0 where it does not say
    """

    def __init__(
        self,
        status: int,
        words: str,
        request_id: str | None = None,
        retry_after: int = 0,
    ) -> None:
        self.status = status
        self.retry_after = retry_after
        self.words = words
        self.request_id = request_id
        details = [f'HTTP {status}'] if status else []
        if status >= 500 and request_id:
            details.append(f'request {request_id}')
        super().__init__(
            f'{words} ({", ".join(details)})' if details else words
        )


class ExtensionAbsent(Refused):
    """The server is a Glance, but it does not run glance-ext."""


class NotOffered(ClientError):
    """The server runs glance-ext, but one that cannot do this.

    ``what`` is the kind of action, import method or call in question.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f'The server does not offer this: {what}')


class ImageNotFound(ClientError):
    """No image that the caller may see has the name or id."""

    def __init__(self, name_or_id: str) -> None:
        self.name_or_id = name_or_id
        super().__init__(f'No image found with name or ID "{name_or_id}"')


class AmbiguousName(ClientError):
    """Several images have the name; ``ids`` are theirs, or some of them."""

    def __init__(self, name: str, ids: Sequence[str]) -> None:
        self.name = name
        self.ids = tuple(ids)
        super().__init__(
            f'More than one image has the name "{name}", use an ID: '
            + ', '.join(self.ids)
        )


class WaitTimeout(ClientError):
    """Actions had not ended when the time to wait was over.

    They go on at the server. ``action_ids`` are theirs.
    """

    def __init__(self, action_ids: Sequence[str], seconds: float) -> None:
        self.action_ids = tuple(action_ids)
        self.seconds = seconds
        super().__init__(
            f'Not ended after {seconds:g} s: {", ".join(self.action_ids)}'
        )
