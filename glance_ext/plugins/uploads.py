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

"""The data of an import that its caller uploads."""

from collections.abc import Iterable
import contextlib
import os

from oslo_utils import uuidutils

from glance_ext import errors
from glance_ext.actions import node
from glance_ext.actions import posting
from glance_ext.actions import record
from glance_ext.actions.hold import HandedBack
from glance_ext.actions.hold import Lost
from glance_ext.actions.run import Run
from glance_ext.host import contexts
from glance_ext.host import quotas
from glance_ext.host import staging
from glance_ext.host import tasks
from glance_ext.plugins import claiming
from glance_ext.plugins import staged
from glance_ext.plugins import verifying


class Taken(Exception):
    """The import does not wait for data, or no more."""


def receive(action: record.Action, context: contexts.Context,
            chunks: Iterable[bytes], most: int, stores: list[str],
            size: int | None = None) -> None:
    """Stage what a caller uploads, and have the import go on with it.

    An upload that fails leaves an import that waits for another one.

    :param most: bytes that there may be
    :param stores: where the image is to be written to
    :param size: bytes that there are, where the caller says so
    :raises Taken: somebody else uploads, or the import has ended
    :raises errors.ActionError: it was cancelled, there is too much, or
        staging failed
    :raises BaseException: what ``chunks`` raised
    """
    if not action.awaits_upload:
        raise Taken
    executor = node.start()
    if stores != action.spec['stores']:
        tasks.note(action.id, stores=stores)
        action.spec['stores'] = stores
        action.stores = {store: {'status': 'pending', 'bytes_done': 0}
                         for store in stores}
    if claim := action.spec.get('claim'):
        # It may have waited for long, and for a higher limit.
        action.spec['claim'] = {
            **claim, 'limits': quotas.limits(context, claim['limits'])}
    action.phase, action.runner = (
        record.READING, uuidutils.generate_uuid())
    run = Run(action, context)
    try:
        run.start()
    except (Lost, errors.Cancelled) as exc:
        raise Taken from exc
    try:
        with executor.keeping(run):
            claiming.ask(run, size)
            if size is None:
                most = min(most, claiming.most_staged(run))
            _stage(run, chunks, most)
            action.state['uploaded'] = True
            run.write(record.VERIFYING)
    except errors.Cancelled:
        # Nobody else undoes it as long as this process lives.
        executor.submit(run)
        raise
    except Lost as exc:
        raise Taken from exc
    except BaseException:
        for name in ('uploaded', 'size'):
            action.state.pop(name, None)
        with contextlib.suppress(Lost, HandedBack, errors.ActionError):
            run.hand_back()
        raise
    if posting.is_on() and not posting.stays(action):
        run.hand_back()
        posting.post(action.id)
    else:
        executor.submit(run)


def _stage(run: Run, chunks: Iterable[bytes], most: int) -> None:
    with staged.writing(run.action.id) as (target, file):
        for chunk in chunks:
            run.check()
            run.progress.advance(len(chunk))
            verifying.require_room(run.progress.done, most)
            target.write(chunk)
        target.flush()
        claiming.ask(run, run.progress.done)
        os.replace(file, staging.file(run.action.id))
