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
"""Run the measurements; print a table, and JSON for machines."""

import argparse
import datetime
import json
import pathlib
import sys
from typing import Any

from bench import copying
from bench import download
from bench import flood
from bench import hashing
from bench import history
from bench import latency
from bench import machine
from bench import memory
from bench import options
from bench import passthrough
from bench import plot

_SUBJECTS = {'passthrough': passthrough, 'hashing': hashing,
             'copy': copying, 'download': download, 'memory': memory,
             'latency': latency, 'flood': flood}
_HERE = pathlib.Path(__file__).parent
HISTORY, PICTURE = _HERE / 'history.jsonl', _HERE / 'history.svg'
_VERDICTS = {True: 'met', False: 'MISSED', None: ''}


def line(row: dict[str, Any]) -> str:
    """Return a row of the table."""
    low, high = row['spread']
    speed = row.get('mib_per_second')
    rest = f' {speed:.0f} MiB/s' if speed else ''
    ideal = f' ({row["ideal"]})' if 'ideal' in row else ''
    return (f'{row["what"]:55} {row["value"]:>8g} {row["unit"]:12} '
            f'[{low:g} .. {high:g}]{rest} '
            f'{row["target"]}{ideal} {_VERDICTS[row["met"]]}').rstrip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='bench', description=__doc__)
    parser.add_argument('subjects', nargs='*', metavar='SUBJECT',
                        help=f'of {", ".join(_SUBJECTS)}; all without')
    parser.add_argument('--json', metavar='FILE',
                        help='also write what was measured there; - instead '
                             'of the table')
    parser.add_argument('--record', action='store_true',
                        help=f'append it to {HISTORY.name} as well, and draw '
                             f'{PICTURE.name} again')
    parser.add_argument('--mib', type=int, default=0,
                        help='size of the images')
    parser.add_argument('--rounds', type=int, default=0,
                        help='how often each side gets its turn')
    parser.add_argument('--seconds', type=float, default=0.0,
                        help='how long a turn of latency takes')
    parser.add_argument('--directory',
                        help='where images and stores are made')
    return parser


def main() -> None:
    parser = _parser()
    arguments = parser.parse_args()
    unknown = set(arguments.subjects) - set(_SUBJECTS)
    if unknown:
        parser.error(f'no such subject: {", ".join(sorted(unknown))}')
    chosen = options.Options(arguments.mib, arguments.rounds,
                             arguments.seconds, arguments.directory)
    entry = {'date': datetime.datetime.now(datetime.UTC).isoformat(
        timespec='seconds'), **machine.facts(), 'rows': []}
    before = machine.ticks()
    for name in arguments.subjects or _SUBJECTS:
        for row in _SUBJECTS[name].run(chosen):
            entry['rows'].append({'subject': name, **row})
            if arguments.json != '-':
                print(line(row), flush=True)
    entry['stolen'] = round(machine.stolen(before, machine.ticks()), 1)
    if arguments.json == '-':
        json.dump(entry, sys.stdout, indent=1)
    elif arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(entry, indent=1))
    if arguments.record:
        history.append(HISTORY, entry)
        PICTURE.write_text(plot.draw(history.read(HISTORY)))


if __name__ == '__main__':
    main()
