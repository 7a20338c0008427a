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
"""A program that gives up rights and then becomes another program.

``glance_ext.host.qemu_img`` starts this file with a Python interpreter, and
qemu-img follows in the same process. It imports the standard library alone,
because the interpreter need not know this package.

What it is told is one JSON object, the first argument:

* ``limits``: ``{name of a limit of the module resource: value}``
* ``user``: user id and group id to run as, or null: those of the caller
* ``program``: directories and files that the program itself is made of

The limits and the user are conditions: without them nothing is started. The
namespace without a network, and Landlock, which leaves the program the
working directory alone to write to and no TCP, are used where this host
permits them. Without a second argument the answer says whether it does.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import signal
import sys
from typing import Any

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SET_PDEATHSIG, _SET_NO_NEW_PRIVS = 1, 38
# The numbers of these system calls are the same on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REMOVE_FILE, _MAKE_REG, _TRUNCATE = 1 << 5, 1 << 8, 1 << 14
#: How many rights for files each version of Landlock knows.
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_NEWEST_RIGHTS = 16
_BIND_AND_CONNECT_TCP = 3
_ABSTRACT_UNIX_SOCKET = 1
_O_PATH = os.O_PATH | os.O_CLOEXEC

_libc = ctypes.CDLL(None, use_errno=True)


def main(arguments: list[str]) -> None:
    wanted = json.loads(arguments[0])
    for name, most in wanted['limits'].items():
        _limit(getattr(resource, name), most)
    has_network = _libc.unshare(_CLONE_NEWNET) != 0
    if wanted['user']:
        user, group = wanted['user']
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
    if has_network:
        has_network = _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0
    _libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # What has started it may be killed, and does not wait then.
    _libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    has_files = not _restrict_files(wanted['program'])
    if len(arguments) == 1:
        json.dump({'network': has_network, 'files': has_files}, sys.stdout)
    else:
        os.execv(arguments[1], arguments[1:])  # noqa: S606


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(kind, (most, most))


def _restrict_files(program: list[str]) -> bool:
    """Have Landlock refuse every other file. False where it is not there."""
    version = _libc.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)
    if version < 1:
        return False
    rights = (1 << _RIGHTS.get(version, _NEWEST_RIGHTS)) - 1
    asked = (ctypes.c_uint64 * 3)(
        rights, _BIND_AND_CONNECT_TCP, _ABSTRACT_UNIX_SOCKET)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = _call(_CREATE_RULESET, asked, size, 0)
    _allow(ruleset, '.', rights & (
        _READ_FILE | _WRITE_FILE | _READ_DIR | _MAKE_REG | _REMOVE_FILE
        | _TRUNCATE))
    _allow(ruleset, '/dev/null', _READ_FILE | _WRITE_FILE)
    for path in program:
        with contextlib.suppress(FileNotFoundError):
            _allow(ruleset, path, _READ_FILE | _EXECUTE | (
                _READ_DIR if os.path.isdir(path) else 0))
    _call(_RESTRICT_SELF, ruleset, 0)
    return True


class _Rule(ctypes.Structure):
    _pack_ = 1
    _fields_ = [('allowed', ctypes.c_uint64), ('parent', ctypes.c_int32)]


def _allow(ruleset: int, path: str, rights: int) -> None:
    rule = _Rule(rights, os.open(path, _O_PATH))
    _call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)


def _call(*arguments: Any) -> int:
    found: int = _libc.syscall(*arguments)
    if found < 0:
        code = ctypes.get_errno() or errno.EINVAL
        raise OSError(code, os.strerror(code))
    return found


if __name__ == '__main__':
    main(sys.argv[1:])
