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

"""Cells of our tables that programs and people read differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from osc_lib.cli import format_columns

from glance_ext import client
from glance_ext.client import words


class Stores(format_columns.DictColumn):
    """What became of each store."""

    def human_readable(self) -> str:
        return ', '.join(
            f'{store} {_verdict(seen)}' for store, seen in self._value.items()
        )


class Data(format_columns.DictColumn):
    """Anything else that has a structure."""

    def human_readable(self) -> str:
        return _words(self._value)

    def machine_readable(self) -> Any:
        return self._value


def of(value: Any) -> object:
    """Return the cell of a value out of a JSON body."""
    if isinstance(value, dict | list) and value:
        structure: Any = value
        return Data(structure)
    return value


def stores(action: client.Action) -> Stores | None:
    """Return what an action says of each store, at its end or on its way."""
    found = action.result.get('stores')
    if not isinstance(found, Mapping):
        found = action.progress.stores
    return Stores(dict(found)) if found else None


def message(action: client.Action) -> str:
    """Return the message of an action, with the code if it failed."""
    if action.error:
        text = f'{action.error.message} ({action.error.code})'
        return words.printable(text)
    return words.printable(action.message)


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        return ' '.join(f'{k}={_words(v)}' for k, v in value.items())
    if isinstance(value, list):
        return ', '.join(map(_words, value))
    return str(value)


def _verdict(seen: object) -> str:
    if isinstance(seen, Mapping):
        seen = seen.get('verdict') or seen.get('status') or ''
    return str(seen)
