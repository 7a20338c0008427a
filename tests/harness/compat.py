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

"""A Glance with what ``etc/paste.d/glance-ext-compat.ini`` adds to one."""

import re
from typing import Any

from tests.harness import glance
from tests.harness import settings
from tests.harness import venvs

EXAMPLE = venvs.ROOT / 'etc' / 'paste.d' / 'glance-ext-compat.ini'


class Glance(glance.Glance):
    """With ``/v1`` and ``/compute/v2.1``.

    Its server is uWSGI, because clients of v1 send headers whose names have
    underscores in them, and not every server lets these through.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**{'server': 'pyuwsgi'} | arguments)
        settings.merge(self.options, {'glance': {'api_servers': self.url}})

    def prepare(self) -> None:
        super().prepare()
        path = self.directory / 'etc' / 'glance-api-paste.ini'
        path.write_text(
            mounted(path.read_text(), settings.paste(
                EXAMPLE.read_text(), True, False
            ).replace(settings.HEADER_AUTH, ''))
        )


def mounted(paste: str, example: str) -> str:
    """Return ``paste`` with the sections of ``example`` in it."""
    for name in re.findall(r'(?m)^\[.+\]$', example):
        section = rf'(?ms)^{re.escape(name)}\n.*?(?=^\[|\Z)'
        paste = re.sub(section, '', paste)
    return f'{paste}\n{example}'
