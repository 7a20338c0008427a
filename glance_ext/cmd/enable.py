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

"""``glance-ext-manage enable`` and ``disable``: our filter in a paste file.

The difference goes to standard output as a unified diff, all else to
standard error. Only with ``--in-place`` is the file replaced, and no copy of
the old one is kept: the way back is the other command, which leaves alone
what else was changed in the file since.
"""

import argparse
from collections.abc import Callable, Iterator
import difflib
import json
import os
import re
import shutil
import sys
import tempfile
from typing import Any

from glance_ext.cmd import paste_ini

_LINE = re.compile(r'[^\n]*\n|[^\n]+')


def add_parsers(subparsers: Any) -> None:
    """Add both commands to what ``add_subparsers()`` returned."""
    for name, run, summary in (
        ('enable', _enable, 'put glance_ext into the pipelines'),
        ('disable', _disable, 'take glance_ext out of the pipelines'),
    ):
        parser = subparsers.add_parser(
            name,
            help=f"{summary} of Glance's paste file",
            description=f'{summary.capitalize()} of a glance-api-paste.ini. '
            'Only shows the difference, unless told to change the file.',
        )
        parser.add_argument(
            '--paste',
            metavar='FILE',
            required=True,
            help='the file, usually /etc/glance/glance-api-paste.ini',
        )
        doing = parser.add_mutually_exclusive_group()
        doing.add_argument(
            '--in-place', action='store_true', help='change the file'
        )
        doing.add_argument(
            '--dry-run',
            action='store_true',
            help='only show the difference (the default)',
        )
        parser.add_argument(
            '--json',
            action='store_true',
            help='say it in one line of JSON instead',
        )
        parser.set_defaults(run=run)


def _enable(arguments: argparse.Namespace) -> int:
    return _edit(arguments, paste_ini.enable, 'enabled')


def _disable(arguments: argparse.Namespace) -> int:
    return _edit(arguments, paste_ini.disable, 'disabled')


def _edit(
    arguments: argparse.Namespace, edit: Callable[[str], str], done: str
) -> int:
    path = arguments.paste
    try:
        old = _read(path)
        new = edit(old)
        if arguments.in_place and new != old:
            _replace(path, new)
    except OSError as error:
        return _failed(path, error.strerror or str(error))
    except paste_ini.PasteError as error:
        return _failed(path, str(error))
    if arguments.json:
        told = {
            'paste': path,
            'changed': new != old,
            'written': arguments.in_place and new != old,
            'difference': ''.join(_diff(old, new, path)),
        }
        print(json.dumps(told))
    else:
        _show(_diff(old, new, path))
    for note in _notes(new):
        _say(f'{path}: {note}')
    if new == old:
        _say(f'{path}: glance_ext is {done} already, nothing to change.')
    elif arguments.in_place:
        _say(f'{path}: glance_ext is {done} once the Glance API restarts.')
    else:
        _say(f'{path}: not changed; --in-place changes it.')
    return 0


def _notes(text: str) -> Iterator[str]:
    """What a reader of the result may not expect."""
    pipelines = paste_ini.pipelines(text)
    if any(pipeline.ours for pipeline in pipelines):
        for pipeline in pipelines:
            if not pipeline.ours:
                yield f'{pipeline} names no context filter, left alone.'
    elif paste_ini.has_section(text):
        yield '[filter:glance_ext] was written by hand, left alone.'


def _read(path: str) -> str:
    # Bytes that are no UTF-8 stand in comments at most and are kept.
    with open(path, 'rb') as file:
        return file.read().decode('utf-8', 'surrogateescape')


def _replace(path: str, text: str) -> None:
    """Replace a file in one step: who reads it sees the old or the new.

    Owner, mode and extended attributes stay; of a symbolic link the target
    is replaced. Where the owner cannot be kept, nothing is written.
    """
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    descriptor, temporary = tempfile.mkstemp(prefix=f'.{name}.', dir=folder)
    try:
        with open(descriptor, 'wb') as file:
            file.write(text.encode('utf-8', 'surrogateescape'))
            old = os.stat(target)
            os.fchown(descriptor, old.st_uid, old.st_gid)
            shutil.copystat(target, temporary)
            os.utime(temporary)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _diff(old: str, new: str, path: str) -> Iterator[str]:
    for line in difflib.unified_diff(
        _LINE.findall(old), _LINE.findall(new), path, path
    ):
        yield line
        if not line.endswith('\n'):
            yield '\n\\ No newline at end of file\n'


def _show(diff: Iterator[str]) -> None:
    # As bytes: the line ends of the file, and what is no UTF-8 in it, pass.
    for line in diff:
        sys.stdout.buffer.write(line.encode('utf-8', 'surrogateescape'))
    sys.stdout.flush()


def _failed(path: str, reason: str) -> int:
    _say(f'glance-ext-manage: {path}: {reason}')
    return 1


def _say(message: str) -> None:
    print(message, file=sys.stderr)
