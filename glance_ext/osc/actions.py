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

"""What the commands have in common that start an action for each image.

Each image that was named is attempted, whatever became of the one before,
and each has one row in the output. Exit status 0: all was accepted, and with
``--wait`` all succeeded; 1: the server said no to something, or an action
failed; 2: wrong usage; 130: interrupted while waiting.
"""

import abc
import argparse
from collections.abc import Iterable, Sequence
import dataclasses
import itertools
from typing import Any

from osc_lib.command import command

from glance_ext import client
from glance_ext.client import words
from glance_ext.osc import progress

#: The status of an image for which no action was started.
REFUSED = 'error'

Row = tuple[Any, ...]


@dataclasses.dataclass
class Job:
    """One image of the command line and what became of it."""

    asked: str
    image: client.Image | None = None
    action: client.Action | None = None
    #: Why there is no action, or why it cannot be seen any more.
    error: client.ClientError | None = None

    @property
    def name(self) -> str:
        """What a person calls the image, fit for a terminal."""
        name = self.image.name if self.image else None
        return words.printable(name or self.asked)

    @property
    def status(self) -> str:
        return self.action.status if self.action else REFUSED

    @property
    def message(self) -> str:
        if self.error:
            return str(self.error)
        if self.action and self.action.error:
            failure = self.action.error
            return words.printable(f'{failure.message} ({failure.code})')
        return words.printable(self.action.message) if self.action else ''

    @property
    def failed(self) -> bool:
        return bool(self.error or (self.action and self.action.failed))


class ActionCommand(command.Lister):
    """Starts an action for each image and lists what became of them."""

    #: What of an action's result has a column of its own.
    results: tuple[str, ...] = ()

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            'images',
            metavar='<image>',
            nargs='+',
            help='Image (name or ID); several are handled one by one',
        )
        parser.add_argument(
            '--wait',
            action='store_true',
            help='Wait for the actions to end, and show what they found out',
        )
        return parser

    def get_epilog(self) -> str:
        more: str = super().get_epilog()
        return (
            'Without --wait the command ends when the server has accepted. '
            'How an action goes on is shown by "openstack image task show '
            f'<action_id>".\n\n{more}'
        )

    @abc.abstractmethod
    def start(
        self,
        cloud: client.Client,
        image: client.Image,
        parsed_args: argparse.Namespace,
    ) -> client.Action:
        """Start the action for one image; raises ClientError."""

    def run(self, parsed_args: argparse.Namespace) -> int:
        self._jobs: list[Job] = []
        status = super().run(parsed_args)
        return status or int(any(job.failed for job in self._jobs))

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[Row]]:
        clients: Any = self.app.client_manager
        cloud = client.Client(clients.image)
        try:
            self._start_all(cloud, parsed_args)
            if parsed_args.wait:
                self._wait(cloud)
        except KeyboardInterrupt:
            self._say_how_to_follow()
            raise
        columns = (
            'image_id',
            'image_name',
            'action_id',
            'status',
            *self.results,
            'message',
        )
        return columns, [self._row(job) for job in self._jobs]

    def produce_output(
        self,
        parsed_args: argparse.Namespace,
        column_names: Sequence[str],
        data: Iterable[Sequence[Any]],
    ) -> int:
        if parsed_args.formatter == 'table' and not parsed_args.columns:
            # Errors have been read by now: no table about nothing else.
            if not any(job.action for job in self._jobs):
                return 0
            column_names, data = _for_people(column_names, list(data))
        status: int = super().produce_output(parsed_args, column_names, data)
        return status

    def _start_all(
        self, cloud: client.Client, parsed_args: argparse.Namespace
    ) -> None:
        for asked in dict.fromkeys(parsed_args.images):
            job = Job(asked)
            self._jobs.append(job)
            try:
                job.image = cloud.find_image(asked)
                job.action = self.start(cloud, job.image, parsed_args)
            except client.ClientError as error:
                job.error = error
                self.log.error('%s: %s', job.name, error)

    def _wait(self, cloud: client.Client) -> None:
        jobs = {job.action.id: job for job in self._jobs if job.action}
        display = progress.on(
            self.app.stderr, quiet=self.app.options.verbose_level == 0
        )
        try:
            for action_id, seen in cloud.follow(list(jobs)):
                job = jobs[action_id]
                if isinstance(seen, client.ClientError):
                    job.error = seen
                else:
                    job.action = seen
                    display.show(job.name, seen)
        finally:
            display.close()
        for job in jobs.values():
            if job.failed:
                self.log.error('%s: %s', job.name, job.message)

    def _say_how_to_follow(self) -> None:
        going = [
            job.action.id
            for job in self._jobs
            if job.action and not job.action.ended
        ]
        if going:
            print('Not ended yet, and going on:', file=self.app.stderr)
        for action_id in going:
            print(
                f'  openstack image task show {action_id}',
                file=self.app.stderr,
            )

    def _row(self, job: Job) -> Row:
        result = job.action.result if job.action else {}
        return (
            job.image.id if job.image else None,
            (job.image.name if job.image else None) or job.asked,
            job.action.id if job.action else None,
            job.status,
            *(result.get(name) for name in self.results),
            job.message,
        )


def _for_people(
    columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
    """Leave out empty columns, and let a single row stand upright.

    Cells are texts or None, and may hold what a terminal would act on.
    """
    kept = [any(cells) for cells in zip(*rows, strict=True)]
    columns = list(itertools.compress(columns, kept))
    rows = [
        [words.printable(cell or '') for cell in itertools.compress(row, kept)]
        for row in rows
    ]
    if len(rows) > 1:
        return columns, rows
    return ('Field', 'Value'), list(zip(columns, rows[0], strict=True))
