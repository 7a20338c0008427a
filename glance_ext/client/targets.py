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

"""Which stores data is to be written to, as the Image API says it."""

from collections.abc import Sequence
from typing import Any


def body(
    stores: Sequence[str], all_stores: bool, allow_failure: bool
) -> dict[str, Any]:
    """Return the properties of a request; none for the default store."""
    chosen: dict[str, Any] = {}
    if stores:
        chosen['stores'] = list(stores)
    if all_stores:
        chosen['all_stores'] = True
    if chosen:
        chosen['all_stores_must_succeed'] = not allow_failure
    return chosen
