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

"""An image action as the server describes it.

Read leniently, since servers are newer than clients at times: action types,
statuses, phases and fields that are not known here are taken as they come,
and fields that are absent have a default. :attr:`Action.body` holds all that
the server sent.
"""

from collections.abc import Mapping
import dataclasses
from typing import Any

from glance_ext.client import errors


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far an action is. What the server does not know (yet) is None."""

    bytes_done: int = 0
    bytes_total: int | None = None
    #: 0 to 100.
    percent: float | None = None
    bytes_per_second: float = 0
    eta_seconds: float | None = None
    #: For each store: ``status`` and ``bytes_done``, and while bytes flow
    #: ``bytes_per_second`` and ``eta_seconds``.
    stores: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why an action failed: a stable word, and a sentence for people."""

    code: str
    message: str


@dataclasses.dataclass(frozen=True)
class Action:
    """One image action. Times are ISO 8601 in UTC, as the server sent them."""

    id: str
    action_type: str
    status: str
    phase: str
    image_id: str | None
    owner: str | None
    created_at: str | None
    updated_at: str | None
    expires_at: str | None
    progress: Progress
    attempt: int | None
    max_attempts: int | None
    error: Failure | None
    message: str
    #: What the action found out, once it succeeded: a ``hash`` its
    #: ``os_hash_algo``, ``os_hash_value``, ``checksum`` and ``size``.
    result: Mapping[str, Any]
    body: Mapping[str, Any] = dataclasses.field(repr=False, compare=False)

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more.

        What was cancelled has failed at once, and ended when all that it had
        written is gone.
        """
        return self.status in ('success', 'failure') and (
            self.phase != 'rolling-back'
        )

    @property
    def succeeded(self) -> bool:
        return self.status == 'success'

    @property
    def failed(self) -> bool:
        return self.status == 'failure'


def parse(body: object) -> Action:
    """Return the action that a JSON body describes.

    :raises UnexpectedAnswer: the body is not that of an action at all
    """
    if not isinstance(body, Mapping) or not (
        isinstance(body.get('id'), str) and isinstance(body.get('status'), str)
    ):
        raise errors.UnexpectedAnswer(
            'The answer is no image action. Is the endpoint that of a Glance '
            'with glance-ext?'
        )
    return Action(
        id=body['id'],
        action_type=_text(body.get('action_type')) or '',
        status=body['status'],
        phase=_text(body.get('phase')) or '',
        image_id=_text(body.get('image_id')),
        owner=_text(body.get('owner')),
        created_at=_text(body.get('created_at')),
        updated_at=_text(body.get('updated_at')),
        expires_at=_text(body.get('expires_at')),
        progress=_progress(_mapping(body.get('progress'))),
        attempt=_whole(body.get('attempt')),
        max_attempts=_whole(body.get('max_attempts')),
        error=_failure(_mapping(body.get('error'))),
        message=_text(body.get('message')) or '',
        result=_mapping(body.get('result')),
        body=body,
    )


def _progress(body: Mapping[str, Any]) -> Progress:
    return Progress(
        bytes_done=_whole(body.get('bytes_done')) or 0,
        bytes_total=_whole(body.get('bytes_total')),
        percent=_number(body.get('percent')),
        bytes_per_second=_number(body.get('bytes_per_second')) or 0,
        eta_seconds=_number(body.get('eta_seconds')),
        stores=_mapping(body.get('stores')),
    )


def _failure(body: Mapping[str, Any]) -> Failure | None:
    if not body:
        return None
    return Failure(
        code=_text(body.get('code')) or '',
        message=_text(body.get('message')) or '',
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return None


def _whole(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
