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
"""What the commands that use Glance's options and database have in common.

Nothing of Glance is imported before a command runs.
"""

import argparse
from collections.abc import Callable
import json
import logging
import os
import re
import signal
import sys
import threading
from typing import Any
import warnings

import glance_ext

PROGRAM = 'glance-ext-manage'
#: Exit status of a command that was stopped before it was through.
STOPPED = 3

_UNITS = {'': 1, 's': 1, 'm': 60, 'h': 3600, 'd': 86400}
_POWERS = {'': 0, 'k': 1, 'm': 2, 'g': 3, 't': 4}


def add_options(parser: argparse.ArgumentParser, **how: Any) -> None:
    """Add what all of Glance's own tools take."""
    for name, what in (
        ('file', 'Glance configuration file'),
        ('dir', 'directory of Glance configuration files'),
    ):
        parser.add_argument(
            f'--config-{name}',
            metavar=name.upper(),
            action='append',
            help=f'{what}; may be repeated (default: what the Glance API '
            'reads)',
            **how,
        )


def add_version(parser: argparse.ArgumentParser) -> None:
    """Add ``--version``."""
    parser.add_argument(
        '--version',
        action='version',
        version=f'%(prog)s {glance_ext.__version__}',
    )


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add what every command of ours that uses Glance takes."""
    add_options(parser, default=argparse.SUPPRESS)
    parser.add_argument(
        '--json',
        action='store_true',
        help='print one JSON object per line, and nothing else',
    )
    parser.add_argument(
        '--dry-run',
        action='store_true',
        help='show what would be done, and change nothing',
    )


def set_up(
    arguments: argparse.Namespace,
    threads: int | None = None,
    program: str = PROGRAM,
    is_service: bool = False,
) -> bool:
    """Read Glance's options, and make ready to run actions.

    :param threads: how many at once, 0 for what the options say; None where
        none is to be run
    :param is_service: whether it waits for a database that does not answer,
        and logs to the console as Glance does
    :returns: False where that is impossible; why is on standard error
    """
    if not sys.warnoptions:
        warnings.simplefilter('ignore')
    from glance_ext.host import supported

    try:
        supported.check()
        from glance_ext.host import setup

        setup.read_options(
            [
                f'--config-{name}={value}'
                for name in ('file', 'dir')
                for value in getattr(arguments, f'config_{name}') or ()
            ],
            program=program,
            is_service=is_service,
        )
        if not is_service:
            require_database()
        if threads is not None:
            setup.prepare_actions(threads)
    except (supported.UnsupportedHost, ImportError) as error:
        say(str(error), program)
        return False
    except setup.Unusable as error:
        say(str(error), program)
        return False
    return True


def require_database() -> None:
    """See that Glance's database answers, and has Glance's tables.

    :raises setup.Unusable: it does not; says why
    """
    from glance_ext.host import database
    from glance_ext.host import setup

    if why := database.why_unavailable():
        raise setup.Unusable(f'the database cannot be used: {why}')


def run(program: str, work: Callable[[], int], failed: int = 1) -> int:
    """Run a command; tell in one line why it ended before its end, if so.

    :param failed: exit status then
    """
    try:
        status = work()
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has gone, as `| head` does. What is left
        # of it must not fail again when Python flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        say(_why(error), program)
        logging.getLogger(__name__).debug('%s failed', program, exc_info=True)
        return failed
    return status


def _why(error: Exception) -> str:
    """Name an unexpected error, without what only a debugger wants."""
    database = sys.modules.get('glance_ext.host.database')
    if database and isinstance(error, database.FAILURES):
        return f'the database failed: {database.reason(error)}'
    if isinstance(error, OSError):
        return str(error)
    return (
        f'unexpected {type(error).__name__}; with debug = true in '
        "Glance's configuration, the log has the details"
    )


def stop_on_signal() -> threading.Event:
    """Return what Ctrl-C and SIGTERM set; a second one ends at once."""
    stopped = threading.Event()

    def stop(number: int, frame: Any) -> None:
        stopped.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return stopped


def say(message: str, program: str = PROGRAM) -> None:
    """Tell what is no result, on standard error."""
    print(f'{program}: {message}', file=sys.stderr, flush=True)


def show(line: Any) -> None:
    """Print one line of JSON."""
    print(json.dumps(line), flush=True)


def duration(text: str) -> float:
    """Read ``90``, ``30m``, ``8h`` or ``7d`` as seconds."""
    found = re.fullmatch(r'(\d+)([smhd]?)', text)
    if not found:
        raise argparse.ArgumentTypeError(f'{text!r}: use 90, 30m, 8h or 7d')
    return int(found[1]) * _UNITS[found[2]]


def amount(text: str) -> int:
    """Read ``200000``, ``500k``, ``200M`` or ``1G`` as bytes, of 1024."""
    found = re.fullmatch(r'(\d+)([kmgt]?)', text.lower())
    if not found:
        raise argparse.ArgumentTypeError(f'{text!r}: use 500k, 200M or 1G')
    return int(found[1]) << 10 * _POWERS[found[2]]


def positive(text: str) -> int:
    """Read a number of at least 1."""
    if not re.fullmatch(r'[1-9]\d{0,3}', text):
        raise argparse.ArgumentTypeError(f'{text!r} is no number from 1 on')
    return int(text)


def size(count: int) -> str:
    """Word a number of bytes for people."""
    units = ('B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB')
    power = min(max(count.bit_length() - 1, 0) // 10, len(units) - 1)
    if not power:
        return f'{count} B'
    return f'{count / (1 << 10 * power):.1f} {units[power]}'
