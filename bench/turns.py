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
"""Taking turns, and what is made of the numbers."""

from collections.abc import Callable, Mapping, Sequence
import math
import statistics
from typing import Any, TypeVar

_T = TypeVar('_T')


def take_turns(cases: Mapping[str, Callable[[], _T]], rounds: int
               ) -> dict[str, list[_T]]:
    """Call every case once a round; return what each has returned.

    Every second round goes backwards, so that a machine which gets slower
    meanwhile is nobody's disadvantage.
    """
    results: dict[str, list[_T]] = {name: [] for name in cases}
    for index in range(rounds):
        names = list(cases)
        for name in names if index % 2 == 0 else reversed(names):
            results[name].append(cases[name]())
    return results


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Return the ratio of each round: what disturbs a round disturbs both."""
    return [a / b for a, b in zip(above, below, strict=True)]


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def row(what: str, values: Sequence[float], unit: str, *,
        least: float | None = None, most: float | None = None,
        digits: int = 2, **more: Any) -> dict[str, Any]:
    """Return the row of a table: the median of the values of all rounds.

    :param least: the target, where more is better
    :param most: the target, where less is better
    :param more: goes into the row as it is
    """
    value = round(statistics.median(values), digits)
    target, met = '', None
    if least is not None:
        target, met = f'>= {least:g}', value >= least
    elif most is not None:
        target, met = f'<= {most:g}', value <= most
    return {'what': what, 'value': value, 'unit': unit, 'target': target,
            'met': met, 'rounds': len(values),
            'spread': [round(min(values), digits),
                       round(max(values), digits)], **more}
