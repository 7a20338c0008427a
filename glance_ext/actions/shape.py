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

"""What has to be in the row of an action, so that it can be dealt with.

Another release of the extension may have written it, or a person. Only what
every reader of a row relies on is looked at: what one type of action needs
of its own is for its plugin to find missing.
"""

from collections.abc import Callable, Mapping
import datetime
from typing import Any

#: The longest timeout of a row, in seconds.
_MOST_SECONDS = 10 * 24 * 3600

_Check = Callable[[Any], bool]


class MalformedError(ValueError):
    """A row does not hold an action that can be dealt with; says why."""


def require(spec: Mapping[str, Any], kept: Mapping[str, Any],
            *stamps: datetime.datetime | None) -> None:
    """See that a row holds an action.

    :param spec: what was asked for
    :param kept: the ``result`` of the row
    :param stamps: when it was created and written
    :raises MalformedError: it does not
    """
    if not all(isinstance(stamp, datetime.datetime) for stamp in stamps):
        raise MalformedError('it has no time')
    for name in _NEEDED:
        if name not in spec:
            raise MalformedError(f'{name} is missing')
    for part, checks in ((spec, _SPEC), (kept, _KEPT)):
        for name, is_right in checks.items():
            if name in part and not is_right(part[name]):
                raise MalformedError(f'{name} is not what it has to be')


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value < 1 << 63


def _is_rate(value: Any) -> bool:
    return isinstance(value, int | float) and value >= 0


def _is_timeout(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) <= _MOST_SECONDS


def _is_dict(value: Any) -> bool:
    return isinstance(value, dict)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_caller(value: Any) -> bool:
    return isinstance(value, dict) and all((
        isinstance(value.get('user_id', 0), str | None),
        isinstance(value.get('project_id', 0), str | None),
        _are_texts(value.get('roles')),
        isinstance(value.get('is_admin'), bool)))


def _are_secrets(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _are_states(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(state, dict) and _is_text(state.get('status'))
        and _is_count(state.get('bytes_done')) for state in value.values())


def _is_error(value: Any) -> bool:
    return value is None or isinstance(value, dict) and (
        _is_text(value.get('code')) and _is_text(value.get('message')))


def _or_none(is_right: _Check) -> _Check:
    return lambda value: value is None or is_right(value)


_NEEDED = 'action_type', 'max_attempts', 'heartbeat_timeout', 'caller'
_SPEC: dict[str, _Check] = {
    'action_type': _is_text, 'max_attempts': _is_count,
    'heartbeat_timeout': _is_timeout, 'upload_timeout': _is_timeout,
    'caller': _is_caller, 'stores': _are_texts, 'sealed': _are_secrets}
_KEPT: dict[str, _Check] = {
    'phase': _is_text, 'attempt': _is_count, 'runner': _is_text,
    'bytes_done': _is_count, 'bytes_total': _or_none(_is_count),
    'bytes_per_second': _is_rate, 'stores': _are_states,
    'error': _is_error, 'result': _or_none(_is_dict),
    'state': _or_none(_is_dict)}
