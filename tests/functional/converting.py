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
"""A process that converts every disk of a directory, to be watched.

``python -m tests.functional.converting DIRECTORY``, with ``NAME.FORMAT`` in
the directory; it prints ``{file name: [what was raised, its message]}``.
"""

import json
from pathlib import Path
import sys
import time

from glance.common import config  # noqa: F401
from oslo_config import cfg

from glance_ext import conf
from glance_ext import errors
from glance_ext.host import contexts
from glance_ext.host import conversion
from tests.functional import disks


def main(directory: Path) -> None:
    conf.register_opts(cfg.CONF)
    cfg.CONF([])
    found = {}
    for file in sorted(directory.glob('disk-*')):
        work = directory / 'staging' / 'action'
        work.mkdir(parents=True)
        staged = file.rename(work / 'data')
        try:
            conversion.convert(
                staged, file.suffix[1:], work / 'converted',
                'vdi' if file.suffix == '.raw' else 'raw', disks.GIB,
                contexts.admin(), time.sleep)
        except errors.ActionError as exc:
            found[file.name] = [type(exc).__name__, exc.message]
        else:
            found[file.name] = ['', '']
            (work / 'converted').unlink()
        assert [staged] == list(work.iterdir())
        staged.unlink()
        work.rmdir()
    json.dump(found, sys.stdout)


if __name__ == '__main__':
    main(Path(sys.argv[1]))
