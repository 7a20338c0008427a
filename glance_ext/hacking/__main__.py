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

"""``python -m glance_ext.hacking [PATH...]``, run from the repository's root.

Without a path the whole tree is checked. Prints a line per broken rule and
exits with 1 if there was one.
"""

import pathlib
import sys

from glance_ext.hacking import checks


def main(arguments: list[str]) -> int:
    root = pathlib.Path.cwd()
    paths = [pathlib.Path(argument) for argument in arguments] or [root]
    violations = 0
    for violation in checks.check_tree(root, paths):
        print(violation)
        violations += 1
    return 1 if violations else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
