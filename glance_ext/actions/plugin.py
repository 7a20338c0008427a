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
"""What an action does is a plugin, found by its type's name."""

from collections.abc import Collection, Iterable
import functools
from typing import Any, Protocol

from stevedore import driver
from stevedore import exception
from stevedore import extension

from glance_ext.actions import record
from glance_ext.actions import run as run_
from glance_ext.host import database as db

#: Entry points of the kinds of action. An import method is one of them,
#: under the name that it has in a request.
NAMESPACES = 'glance_ext.actions', 'glance_ext.import_methods'


class Plugin(Protocol):
    """A kind of action. One instance serves all actions of a process."""

    #: What the image may be while such an action is at work.
    statuses: Collection[str]

    def run(self, run: 'run_.Run') -> None:
        """Do the work; the last thing is ``run.succeed``.

        What has to outlast the process is written with ``run.write``. The
        same action may be run again after a crash, at any point.

        :raises errors.ActionError: it cannot be done
        """

    def undo(self, run: 'run_.Run') -> None:
        """Undo outside of the database what a failed action has done.

        Called before :meth:`roll_back`, perhaps by another process, and
        again where it fails.

        :raises errors.ActionError: it cannot be done now
        """

    def roll_back(self, connection: db.Connection,
                  action: 'record.Action') -> None:
        """Undo in the database what a failed action has done there.

        Runs in the transaction that ends the action.
        """

    def stores(self, action: 'record.Action') -> Collection[str]:
        """Return the stores that count the action as one of theirs."""

    def events(self, action: 'record.Action', what: str
               ) -> Iterable[tuple[str, dict[str, Any]]]:
        """Return the events, with their payloads, that tell of ``what``.

        :param what: ``start``, ``end`` or ``error``; the type of an event
            ends with such a word
        """

    def look_after(self, actions: list['record.Action']) -> None:
        """Put right what somebody undid of actions that ended lately."""


@functools.cache
def types() -> list[str]:
    """Return the types of action that are installed."""
    return sorted(name for namespace in NAMESPACES
                  for name in extension.ExtensionManager(namespace).names())


@functools.cache
def load(action_type: str) -> Plugin:
    """Return the plugin for ``action_type``.

    :raises KeyError: there is none
    """
    for namespace in NAMESPACES:
        try:
            manager: Any = driver.DriverManager(
                namespace, action_type, invoke_on_load=True,
                warn_on_missing_entrypoint=False)
        except exception.NoMatches:
            continue
        loaded: Plugin = manager.driver
        return loaded
    raise KeyError(action_type)
