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

"""``iniset`` and ``inidelete`` of devstack."""

import configparser
import sys


def main(verb: str, path: str, section: str, option: str, value: str = ''
         ) -> None:
    parser = configparser.RawConfigParser(default_section='')
    parser.read(path)
    if verb == 'set':
        if not parser.has_section(section):
            parser.add_section(section)
        parser.set(section, option, value)
    elif parser.has_section(section):
        parser.remove_option(section, option)
    with open(path, 'w') as file:
        parser.write(file)


if __name__ == '__main__':
    main(*sys.argv[1:])
