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
"""TCP ports that nobody else of the harness can be given meanwhile."""

import random
import socket

# Below the kernel's ephemeral range: an outgoing connection of any program
# would take a port from there at any moment.
FIRST, LAST = 20000, 32000


class Port:
    """A free TCP port of 127.0.0.1, kept from other processes' harnesses.

    The reservation is a bound UDP socket of the same number, so the port
    itself stays free for the server, also between two runs of it.
    """

    def __init__(self) -> None:
        while True:
            self.number = random.randrange(FIRST, LAST)
            self._claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                self._claim.bind(('127.0.0.1', self.number))
                with socket.socket() as probe:
                    probe.bind(('127.0.0.1', self.number))
                return
            except OSError:
                self._claim.close()

    def release(self) -> None:
        """Let others have it."""
        self._claim.close()
