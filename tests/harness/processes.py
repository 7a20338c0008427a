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
"""Server processes that end with whoever started them.

Run as a program, ``processes.py PARENT SIGNAL COMMAND...`` asks to be sent
SIGNAL when the process PARENT ends, and becomes COMMAND.
"""

from collections.abc import Callable
import ctypes
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1


def die_with_parent(sig: int = signal.SIGKILL) -> None:
    """Ask the kernel for ``sig`` when the thread that forked us ends.

    It lasts across ``exec`` and is not inherited by children.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(sig))


def spawn(
    command: list[str],
    env: dict[str, str],
    log: Path,
    death: int = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start ``command`` in a session of its own, its output added to ``log``.

    It runs in the log's directory. Call this from a thread that lives as
    long as the server is to live: its end sends the server ``death``.
    """
    here = [str(os.getpid()), str(int(death))]
    leash = [sys.executable, '-I', '-S', __file__, *here]
    with log.open('ab') as output:
        return subprocess.Popen(
            leash + command,
            env=env,
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def boot(
    command: list[str],
    env: dict[str, str],
    log: Path,
    ready: Callable[[], bool],
    timeout: float = 120,
    death: int = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Spawn a server beside its log and wait until it is ready.

    :raises RuntimeError: when it ends, when ``ready`` raises, or when it is
        not ready in ``timeout`` seconds; with the end of its log.
    """
    process = spawn(command, env, log, death)
    deadline = time.monotonic() + timeout
    try:
        while not ready():
            if process.poll() is not None:
                raise RuntimeError(f'it ended with {process.returncode}')
            if time.monotonic() > deadline:
                raise RuntimeError(f'it is silent after {timeout} seconds')
            time.sleep(0.05)
    except BaseException as error:
        kill(process)
        if not isinstance(error, RuntimeError):
            raise
        tail = log.read_text(errors='replace')[-4000:]
        raise RuntimeError(f'{command}: {error}\n{tail}') from error
    return process


def members(session: int) -> list[int]:
    """Return the ids of the living processes of a session.

    Its leader, which is a server's main process, comes first.
    """
    found = []
    for entry in Path('/proc').iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / 'stat').read_text()
            except OSError:
                continue  # it ended while the directory was being read
            state, _parent, _group, sid = stat.rpartition(')')[2].split()[:4]
            if int(sid) == session and state not in 'ZX':
                found.append(int(entry.name))
    return sorted(found, key=lambda pid: (pid != session, pid))


def stop(
    process: subprocess.Popen[bytes], sig: int, timeout: float
) -> tuple[int, float]:
    """Signal the process, wait for it, and kill what is left of its session.

    :returns: its return code and the seconds it took; the code is -9 when
        it outlived ``timeout`` seconds.
    """
    begun = time.monotonic()
    if process.poll() is None:
        process.send_signal(sig)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            pass
    kill(process)
    return process.returncode, time.monotonic() - begun


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole session at once, as a power cut would."""
    while left := members(process.pid):
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.poll()
        time.sleep(0.01)  # a killed process is listed until it is gone
    process.wait()


def main() -> None:
    """Become the command, tied to the parent named before it."""
    parent, death, *command = sys.argv[1:]
    die_with_parent(int(death))
    if os.getppid() == int(parent):
        os.execvp(command[0], command)


if __name__ == '__main__':
    main()
