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
"""The people of the tests, and the tokens that header authentication reads."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class User:
    """Somebody with a scope and roles.

    ``project`` is None for a token without project scope; ``system`` is
    ``'all'`` for a system-scoped one.
    """

    name: str
    project: str | None
    roles: tuple[str, ...] = ()
    system: str | None = None

    @property
    def token(self) -> str:
        """The header token, ``user:project:role,role[:system]``."""
        parts = [self.name, self.project or '', ','.join(self.roles)]
        return ':'.join(parts + ([self.system] if self.system else []))

    @classmethod
    def parse(cls, token: str) -> User:
        """Return the user a header token stands for.

        :raises ValueError: when it is not a header token.
        """
        name, project, roles, *system = token.split(':')
        if not name or len(system) > 1:
            raise ValueError(token)
        return cls(
            name,
            project or None,
            tuple(role for role in roles.split(',') if role),
            system[0] if system else None,
        )


ADMIN = User('admin-user', 'admin-project', ('admin', 'member', 'reader'))
MEMBER = User('member-user', 'project', ('member', 'reader'))
READER = User('reader-user', 'project', ('reader',))
OTHER = User('other-user', 'other-project', ('member', 'reader'))
SYSTEM = User('system-user', None, ('admin', 'member', 'reader'), 'all')
UNSCOPED = User('unscoped-user', None)
NOBODY = None
