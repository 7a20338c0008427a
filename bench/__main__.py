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
import json

from bench import hashing
from bench import passthrough

_SUBJECTS = {'passthrough': passthrough, 'hashing': hashing}


def main() -> None:
    parser = argparse.ArgumentParser(prog='bench', description=__doc__)
    parser.add_argument('subjects', nargs='*', metavar='SUBJECT',
                        help=f'of {", ".join(_SUBJECTS)}; all without')
    parser.add_argument('--json', metavar='FILE',
                        help='also write the rows there')
    arguments = parser.parse_args()
    unknown = set(arguments.subjects) - set(_SUBJECTS)
    if unknown:
        parser.error(f'no such subject: {", ".join(sorted(unknown))}')
    rows = []
    for name in arguments.subjects or _SUBJECTS:
        for row in _SUBJECTS[name].run():
            rows.append({'subject': name, **row})
            print(f'{row["what"]:48} {row["ours"]:>8} {row["unit"]:14} '
                  f'target {row["target"]}', flush=True)
    if arguments.json:
        with open(arguments.json, 'w') as file:
            json.dump(rows, file, indent=1)


if __name__ == '__main__':
    main()
