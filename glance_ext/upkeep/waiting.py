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
"""For an action of this process to end, or a sweep to be stopped."""

import threading
import time

from glance_ext.actions import node
from glance_ext.actions import record

#: Seconds between two looks.
_LOOK = 0.1


class Stopped(Exception):
    """Somebody stopped a sweep in the middle of an image."""


def check(stopped: threading.Event) -> None:
    """Raise :exc:`Stopped` once it is set."""
    if stopped.is_set():
        raise Stopped


def sleep(stopped: threading.Event, seconds: float) -> None:
    """Wait so long, or raise :exc:`Stopped` as soon as it is set."""
    if stopped.wait(seconds):
        raise Stopped


def until_ended(action: record.Action, stopped: threading.Event) -> None:
    """Return when the action has ended, or was handed back.

    :param stopped: set from outside to have everything handed back
    """
    executor = node.start()
    while any(run.action.id == action.id for run in executor.held()):
        if stopped.is_set():
            executor.close(0)
        time.sleep(_LOOK)
