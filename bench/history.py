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
"""What was measured before: a line of JSON for each time."""

import json
import pathlib
from typing import Any


def append(path: pathlib.Path, entry: dict[str, Any]) -> None:
    """Add what was measured now."""
    with path.open('a') as file:
        file.write(json.dumps(entry) + '\n')


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """Return all entries, the oldest first; none where there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def series(entries: list[dict[str, Any]]
           ) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Return the rows that have a target as ``{what: [(date, row)]}``."""
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for entry in entries:
        for row in entry['rows']:
            if row['target']:
                found.setdefault(f'{row["what"]}, {row["unit"]}', []).append(
                    (entry['date'], row))
    return found
