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

"""What commands have in common that start an action for each image.

Each image is attempted, whatever became of the one before, and each has one
row in the output. Exit status 0: all was accepted, and with ``--wait`` all
succeeded; 1: the server said no to something, or an action failed; 2: wrong
usage; 130: interrupted while waiting, after the rows known by then.
"""

from __future__ import annotations

import abc
import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
import dataclasses
import functools
import itertools
from typing import Any

from glance_ext import client
from glance_ext.client import words
from glance_ext.osc import calling
from glance_ext.osc import cells
from glance_ext.osc import full_queue
from glance_ext.osc import selection

#: Exit status after Ctrl-C, as a shell has it: 128 + SIGINT.
INTERRUPTED = 130
#: The status of an image for which no action was started.
REFUSED = 'error'
#: That of one for which none was to be started.
PLANNED = 'planned'

#: How many actions --wait lets run at a time, unless told otherwise.
PARALLEL = 8

Row = tuple[Any, ...]


@dataclasses.dataclass
class Job:
    """One image and what became of it."""

    asked: str
    image: client.Image | None = None
    action: client.Action | None = None
    #: What would be done, where nothing is to be.
    plan: Mapping[str, Any] | None = None
    #: Nothing had to be done so far.
    idle: bool = False
    #: Why there is no action, or why it cannot be seen any more.
    error: client.ClientError | None = None

    @property
    def name(self) -> str:
        """What a person calls the image, fit for a terminal."""
        name = self.image.name if self.image else None
        return words.printable(name or self.asked)

    @property
    def status(self) -> str:
        if self.plan is not None:
            return PLANNED
        if self.idle:
            return 'success'
        return self.action.status if self.action else REFUSED

    @property
    def message(self) -> str:
        if self.error:
            return str(self.error)
        if self.plan is not None:
            return words.printable(str(self.plan.get('message', '')))
        if self.idle:
            return 'There was nothing to do.'
        return cells.message(self.action) if self.action else ''

    @property
    def failed(self) -> bool:
        return bool(self.error or (self.action and self.action.failed))


class BatchCommand(calling.Lister):
    """Starts an action for each image and lists what became of them."""

    #: What of an action's result has a column of its own.
    results: tuple[str, ...] = ()
    #: What of a plan has one.
    plans: tuple[str, ...] = ()
    #: What the server has to offer, and among what.
    requires: tuple[str, str] | None = None
    #: The help of ``--missing``, for a command that has it.
    missing: str | None = None
    #: In which states images are chosen by what they are.
    status = 'active'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        self.add_images(parser)
        parser.add_argument(
            '--wait',
            action='store_true',
            help='Wait for the actions to end, and show what they found out',
        )
        parser.add_argument(
            '--parallel',
            metavar='<number>',
            type=calling.positive,
            help='Wait, and start another action only while fewer than so '
            f'many have not ended (default with --wait: {PARALLEL})',
        )
        parser.add_argument(
            '--dry-run',
            action='store_true',
            help='Show what would be done, and do nothing',
        )
        return parser

    def add_images(self, parser: argparse.ArgumentParser) -> None:
        """Add the arguments that say which images are meant."""
        selection.add_arguments(parser, self.missing)

    def get_epilog(self) -> str:
        more: str = super().get_epilog()
        follow = self.spell('image action show')
        return (
            'Without --wait the command ends when the server has accepted. '
            f'"{follow} --wait <action>" follows an action.\n\n{more}'
        )

    @abc.abstractmethod
    def start(
        self,
        cloud: client.Client,
        image: client.Image,
        parsed_args: argparse.Namespace,
    ) -> client.Action | None:
        """Start the action for one image; raises ClientError.

        None where there is nothing to do.
        """

    @abc.abstractmethod
    def plan(
        self,
        cloud: client.Client,
        image: client.Image,
        parsed_args: argparse.Namespace,
    ) -> Mapping[str, Any]:
        """Return what would be done for one image; raises ClientError."""

    def go_on(
        self,
        cloud: client.Client,
        job: Job,
        parsed_args: argparse.Namespace,
    ) -> Iterator[client.Action]:
        """Do what comes after it for one image; raises ClientError.

        Where one action is followed at a time, it is called when that of the
        image has ended, and so are those that it starts and yields.
        """
        return iter(())

    def lacks(
        self, image: client.Image, parsed_args: argparse.Namespace
    ) -> bool:
        """Whether ``--missing`` means this image."""
        return True

    def run(self, parsed_args: argparse.Namespace) -> int:
        self._jobs: list[Job] = []
        self._started: dict[str, Job] = {}
        self._asked_for_all = False
        self._list_is_whole = True
        self._interrupted = False
        self._display = self.display()
        status = super().run(parsed_args)
        if self._interrupted:
            return INTERRUPTED
        failed = any(job.failed for job in self._jobs)
        return status or int(failed or not self._list_is_whole)

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[Row]]:
        self.check(parsed_args)
        cloud = self.cloud()
        if self.requires:
            cloud.require(*self.requires)
        try:
            starting = self._starting(cloud, parsed_args)
            if parsed_args.wait or parsed_args.parallel:
                self._wait(cloud, starting, parsed_args.parallel or PARALLEL)
            else:
                list(starting)
        except KeyboardInterrupt:
            self._display.close()
            if not self._asked_for_all:
                said = 'The other images have not been asked for.'
                print(said, file=self.app.stderr)
            going = [
                action_id
                for action_id, job in self._started.items()
                if job.action and not job.action.ended
            ]
            self.say_how_to_go_on(going)
            self._interrupted = True
        if parsed_args.dry_run:
            names: tuple[str, ...] = ('status', *self.plans)
        else:
            names = ('action_id', 'status', *self.results)
        columns = ('image_id', 'image_name', *names, 'message')
        rows = [
            tuple(self._cell(job, name) for name in columns)
            for job in self._jobs
        ]
        return columns, rows

    def check(self, parsed_args: argparse.Namespace) -> None:
        """End with exit status 2 if the arguments contradict each other."""
        if problem := selection.problem(parsed_args):
            self.misused(problem)

    def produce_output(
        self,
        parsed_args: argparse.Namespace,
        column_names: Sequence[str],
        data: Iterable[Sequence[Any]],
    ) -> int:
        if not self._jobs and self._list_is_whole:
            print('Nothing to do.', file=self.app.stderr)
        if parsed_args.formatter == 'table' and not parsed_args.columns:
            # Errors have been read by now: no table about nothing else.
            if all(job.status == REFUSED for job in self._jobs):
                return 0
            column_names, data = _for_people(column_names, list(data))
        return super().produce_output(parsed_args, column_names, data)

    def _starting(
        self, cloud: client.Client, parsed_args: argparse.Namespace
    ) -> Iterator[str]:
        """Start an action for each image, and yield the actions' ids."""
        for job in self._chosen(cloud, parsed_args):
            self._jobs.append(job)
            try:
                if job.image is None:
                    job.image = cloud.find_image(job.asked)
                if parsed_args.dry_run:
                    job.plan = self.plan(cloud, job.image, parsed_args)
                else:
                    start = functools.partial(self.start, cloud, job.image)
                    job.action = full_queue.wait(
                        start, parsed_args, self._display
                    )
                    job.idle = job.action is None
                if job.action:
                    yield self._follow(job, job.action)
                for more in self.go_on(cloud, job, parsed_args):
                    yield self._follow(job, more)
            except client.ClientError as error:
                job.error = error
                # One that is followed is told of at the end.
                if job.action is None:
                    self._complain('%s: %s', job.name, error)
        self._asked_for_all = True

    def _follow(self, job: Job, action: client.Action) -> str:
        job.action, job.idle = action, False
        self._started[action.id] = job
        return action.id

    def _chosen(
        self, cloud: client.Client, parsed_args: argparse.Namespace
    ) -> Iterator[Job]:
        for asked in dict.fromkeys(parsed_args.images):
            yield Job(asked)
        if parsed_args.images:
            return
        project = selection.project_id(
            self.app.client_manager, parsed_args.project
        )
        found = selection.images(cloud, parsed_args, project, self.status)
        missing = getattr(parsed_args, 'missing', False)
        try:
            for image in found:
                if not missing or self.lacks(image, parsed_args):
                    yield Job(image.id, image)
        except client.ClientError as error:
            self._list_is_whole = False
            self._complain('The list of images ended early: %s', error)

    def _wait(
        self, cloud: client.Client, starting: Iterator[str], parallel: int
    ) -> None:
        try:
            for action_id, seen in cloud.follow(starting, parallel=parallel):
                job = self._started[action_id]
                if isinstance(seen, client.ClientError):
                    job.error = seen
                else:
                    job.action = seen
                    self._display.show(job.name, seen)
        finally:
            self._display.close()
        for job in self._started.values():
            if job.failed:
                self.log.error('%s: %s', job.name, job.message)

    def _complain(self, message: str, *arguments: object) -> None:
        self._display.close()
        self.log.error(message, *arguments)

    def _cell(self, job: Job, name: str) -> object:
        if name in ('status', 'message'):
            return getattr(job, name)
        if name == 'image_id':
            return job.image.id if job.image else None
        if name == 'image_name':
            return (job.image.name if job.image else None) or job.asked
        if name == 'action_id':
            return job.action.id if job.action else None
        if job.plan is not None:
            return cells.of(job.plan.get(name))
        if job.action is None:
            return None
        if name == 'stores':
            return cells.stores(job.action)
        return job.action.result.get(name)


def _for_people(
    columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
    """Leave out empty columns, and let a single row stand upright."""
    if len(rows) == 1:
        return calling.upright(columns, rows[0])
    shown = [[calling.for_people(cell) for cell in row] for row in rows]
    kept = [any(column) for column in zip(*shown, strict=True)]
    return (
        list(itertools.compress(columns, kept)),
        [list(itertools.compress(row, kept)) for row in shown],
    )
