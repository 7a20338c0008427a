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
"""Events, sent the way that Glance sends its own."""

import functools
from typing import Any

from glance import notifier


@functools.cache
def _notifier() -> notifier.Notifier:
    # Once a process: each one opens a transport of its own.
    return notifier.Notifier()


def send(event: str, payload: dict[str, Any], *,
         error: bool = False) -> None:
    """Send ``event`` unless ``disabled_notifications`` names it."""
    sender = _notifier()
    notifier._send_notification(
        sender.error if error else sender.info, event, payload)
