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
"""What the command line says to every measurement."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """None, and 0, leave it to the measurement.

    :ivar mib: size of an image
    :ivar rounds: how often each side gets its turn
    :ivar seconds: of one turn, where a turn is a time
    :ivar directory: where images and stores are made
    """

    mib: int = 0
    rounds: int = 0
    seconds: float = 0.0
    directory: str | None = None
