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
"""The servers that Glance can run under, as command lines."""

from __future__ import annotations

from collections.abc import Callable
import dataclasses
import os
from pathlib import Path
import shutil
import subprocess
import sysconfig
import unittest

from tests.harness import venvs

MODULE = 'tests.harness.wsgi:application'
APACHE_MODULES = Path('/usr/lib/apache2/modules')


@dataclasses.dataclass(frozen=True)
class Launch:
    """What a server needs to know."""

    venv: Path
    release: int
    directory: Path
    port: int
    processes: int
    threads: int

    @property
    def python(self) -> str:
        return str(self.venv / 'bin' / 'python')

    @property
    def library(self) -> Path:
        (found,) = (self.venv / 'lib').glob('python3*')
        return found

    @property
    def address(self) -> str:
        return f'127.0.0.1:{self.port}'


def command(server: str, launch: Launch) -> list[str]:
    """Return the command that serves Glance.

    :raises unittest.SkipTest: where this machine or this release of Glance
        has no such server; the message says what is absent.
    """
    return SERVERS[server](launch)


def _waitress(launch: Launch) -> list[str]:
    if launch.processes != 1:
        raise ValueError('waitress has one process')
    arguments = ['waitress', str(launch.port), str(launch.threads)]
    return [launch.python, '-m', 'tests.harness.serve', *arguments]


def _eventlet(launch: Launch) -> list[str]:
    if launch.release > 32:
        raise unittest.SkipTest(
            f'skipped: Glance {launch.release} has no eventlet server'
        )
    return [launch.python, '-m', 'tests.harness.serve', 'eventlet']


def _gunicorn(launch: Launch) -> list[str]:
    return [
        str(launch.venv / 'bin' / 'gunicorn'),
        '--bind', launch.address,
        '--worker-class', 'gthread',
        '--workers', str(launch.processes),
        '--threads', str(launch.threads),
        '--graceful-timeout', '60',
        '--timeout', '120',
        '--no-control-socket',
        '--worker-tmp-dir', str(launch.directory),
        MODULE,
    ]  # fmt: skip


def _uwsgi(binary: Path, launch: Launch) -> list[str]:
    return [
        str(binary),
        '--virtualenv', str(launch.venv),
        '--http-socket', launch.address,
        '--http-chunked-input',
        '--module', MODULE,
        '--master',
        '--no-orphans',
        '--processes', str(launch.processes),
        '--threads', str(launch.threads),
        '--enable-threads',
        '--lazy-apps',
        '--need-app',
        '--die-on-term',
        '--hook-master-start', 'unix_signal:15 gracefully_kill_them_all',
        '--worker-reload-mercy', '80',
        '--buffer-size', '65535',
        '--add-header', 'Connection: close',
    ]  # fmt: skip


def _pyuwsgi(launch: Launch) -> list[str]:
    return _uwsgi(launch.venv / 'bin' / 'uwsgi', launch)


def _compiled_uwsgi(launch: Launch) -> list[str]:
    header = Path(sysconfig.get_paths()['include']) / 'Python.h'
    if not shutil.which('gcc') or not header.exists():
        raise unittest.SkipTest('skipped: no C compiler for uwsgi')
    try:
        venv = venvs.ensure('uwsgi')
    except subprocess.CalledProcessError as error:
        raise unittest.SkipTest('skipped: uwsgi does not compile') from error
    return _uwsgi(venv / 'bin' / 'uwsgi', launch)


def _mod_wsgi(launch: Launch) -> list[str]:
    apache = shutil.which('apache2', path='/usr/sbin:/usr/bin')
    if apache is None:
        raise unittest.SkipTest('skipped: apache2 absent')
    version = launch.library.name.removeprefix('python')
    if not (APACHE_MODULES / f'mod_wsgi.so-{version}').exists():
        raise unittest.SkipTest(f'skipped: no mod_wsgi of Python {version}')
    command = [apache, '-DFOREGROUND', '-f', str(_apache_files(launch))]
    if os.getuid():
        return command
    # mod_wsgi never runs an application as root, and any other user may
    # be kept out of the checkout and of Python itself: so root plays
    # another user, in a namespace where the files are still its own.
    user = ['unshare', '--user', '--map-user=65534', '--map-group=65534']
    if subprocess.call([*user, 'true'], stderr=subprocess.DEVNULL):
        raise unittest.SkipTest('skipped: mod_wsgi as root')
    return user + command


def _apache_files(launch: Launch) -> Path:
    """Write Apache's configuration and the script; return the former."""
    here = launch.directory / 'apache'
    here.mkdir(exist_ok=True)
    # The embedded interpreter is the distribution's, and cannot load the
    # standard library of another one; the installed packages it can.
    packages = here / 'lib' / launch.library.name / 'site-packages'
    packages.parent.mkdir(parents=True, exist_ok=True)
    if not packages.is_symlink():
        packages.symlink_to(launch.library / 'site-packages')
    (here / 'pyvenv.cfg').write_text('home = /usr/bin\n')
    module, name = MODULE.split(':')
    (here / 'glance.wsgi').write_text(f'from {module} import {name}\n')
    modules = ''.join(
        f'LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n'
        for name in ('mpm_event', 'authz_core', 'wsgi')
    )
    path = here / 'apache2.conf'
    path.write_text(
        f"""{modules}
ServerRoot {here}
ServerName {launch.address}
DefaultRuntimeDir {here}
PidFile {here}/pid
Mutex file:{here} default
ErrorLog {launch.directory}/server.log
Listen {launch.address}
WSGISocketPrefix {here}/socket
WSGIDaemonProcess glance processes={launch.processes} \
    threads={launch.threads} python-home={here} \
    python-path={venvs.ROOT} shutdown-timeout=60 home={here}
WSGIProcessGroup glance
WSGIApplicationGroup %{{GLOBAL}}
WSGIPassAuthorization On
WSGIChunkedRequest On
WSGIScriptAlias / {here}/glance.wsgi
WSGIImportScript {here}/glance.wsgi process-group=glance \
    application-group=%{{GLOBAL}}
<Directory {here}>
    Require all granted
</Directory>
"""
    )
    return path


SERVERS: dict[str, Callable[[Launch], list[str]]] = {
    'waitress': _waitress,
    'pyuwsgi': _pyuwsgi,
    'uwsgi': _compiled_uwsgi,
    'gunicorn': _gunicorn,
    'eventlet': _eventlet,
    'mod_wsgi': _mod_wsgi,
}
