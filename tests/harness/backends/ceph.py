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
"""A real Ceph of one monitor and one OSD, without what RBD does not need."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterator
import contextlib
import functools
import importlib.util
import json
import os
from pathlib import Path
import signal
import socket
import subprocess
import sys
import sysconfig
from typing import Any
import uuid

from tests.harness import backends
from tests.harness import ports
from tests.harness import processes
from tests.harness import settings
from tests.harness.backends import ceph_conf
from tests.harness.backends import scratch

# Where Debian's bindings are; they run in every CPython of their version.
DEBIAN = Path('/usr/lib/python3/dist-packages')
BINDINGS = tuple(
    f'{name}{sysconfig.get_config_var("EXT_SUFFIX")}'
    for name in ('rados', 'rbd')
)
POOL = 'images'


def available() -> backends.Availability:
    """Tell whether Ceph and its bindings for this Python are installed."""
    found = backends.programs(('ceph-mon', 'ceph-osd', 'monmaptool'))
    if found and importlib.util.find_spec('rbd') is None:
        absent = [name for name in BINDINGS if not (DEBIAN / name).exists()]
        if absent:
            return backends.Availability(f'{", ".join(absent)} absent')
    return found


def bind(venv: str = sys.prefix) -> None:
    """Let the Python of a virtual environment import ``rados`` and ``rbd``.

    By links to the two files: with the whole directory on its path, the
    distribution's other packages would come before the environment's own.
    """
    for site in Path(venv).glob('lib/python3*/site-packages'):
        for name in BINDINGS:
            if (DEBIAN / name).exists():
                with contextlib.suppress(FileExistsError):
                    (site / name).symlink_to(DEBIAN / name)


class Ceph:
    """One cluster with its own directory and port, and the pool ``POOL``.

    :param objectstore: ``memstore``, or ``bluestore`` on a sparse file.
    """

    def __init__(self, objectstore: str = 'memstore') -> None:
        available().require()
        bind()
        self._scratch = scratch.Scratch('ceph')
        self.directory = self._scratch.path
        self.config = self.directory / 'ceph.conf'
        self._port = ports.Port()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._address = f'[v2:127.0.0.1:{self._port.number}]'
        options = ceph_conf.options(self.directory, self._address, objectstore)
        self._fsid = str(options['global']['fsid'])
        self.config.write_text(settings.ini(options))
        atexit.register(self.stop)

    def __enter__(self) -> Ceph:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Ceph:
        """Boot it from nothing.

        :raises RuntimeError: when it does not come up, with its log's end.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self) -> None:
        here = self.directory
        ceph_conf.write_keys(here)
        for name in ('mon', 'osd'):
            (here / name).mkdir()
        monmap = str(here / 'monmap')
        self.run('monmaptool', '--create', '--fsid', self._fsid,
                  '--addv', 'a', self._address, monmap)
        self.run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', monmap,
                  '--keyring', str(here / 'mon.a.keyring'))
        self._boot('mon', 'a', self._listens)
        with self.connected() as cluster:
            osd = str(uuid.uuid4())
            _order(cluster, 'osd create', uuid=osd)
            self.run('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osd)
            # A client that had to wait for the OSD would look again only
            # after five seconds.
            self._boot('osd', '0', lambda: _osds(cluster) == 1)
            _order(cluster, 'osd pool create', pool=POOL, pg_num=8)
            _order(cluster, 'osd pool application enable',
                   pool=POOL, app='rbd')
        self._use()

    def stop(self) -> None:
        """End it and remove all that it held."""
        atexit.unregister(self.stop)
        for process in self._processes.values():
            processes.kill(process)
        self._port.release()
        self._scratch.remove()

    def freeze(self, *daemons: str) -> None:
        """Let ``osd`` (if nothing is said) or ``mon`` hang until ``thaw``."""
        for name in daemons or ('osd',):
            self._processes[name].send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let everything go on; return when it does."""
        for process in self._processes.values():
            process.send_signal(signal.SIGCONT)
        self._use()

    def conf(self, name: str = 'rbd', **changes: object) -> backends.Sections:
        """Return an rbd store that gives up on a frozen cluster in 3 seconds.

        :param changes: options of the driver over these.
        """
        options = {
            'rbd_store_pool': POOL,
            'rbd_store_user': 'glance',
            'rbd_store_ceph_conf': str(self.config),
            'rbd_store_chunk_size': 1,
            'rados_connect_timeout': 3,
        }
        return {f'{name}:rbd': options | changes}

    @contextlib.contextmanager
    def connected(self) -> Iterator[Any]:
        """Yield a ``rados.Rados`` that may do everything."""
        import rados

        cluster = rados.Rados(
            conffile=str(self.config), rados_id='admin', conf={
                'client_mount_timeout': '30',
                'rados_mon_op_timeout': '30',
                'rados_osd_op_timeout': '30',
            }
        )
        cluster.connect()
        try:
            yield cluster
        finally:
            cluster.shutdown()

    @contextlib.contextmanager
    def pool(self, name: str = POOL) -> Iterator[Any]:
        """Yield a ``rados.Ioctx``, for what these methods do not do."""
        with self.connected() as cluster, cluster.open_ioctx(name) as pool:
            yield pool

    def images(self) -> list[str]:
        """Return the names of all images in the pool."""
        import rbd

        with self.pool() as pool:
            return sorted(rbd.RBD().list(pool))

    def snapshots(self, image: str) -> list[str]:
        """Return the names of an image's snapshots."""
        import rbd

        with self.pool() as pool, rbd.Image(pool, image) as opened:
            return [found['name'] for found in opened.list_snaps()]

    def trash(self) -> list[str]:
        """Return the names that the images in the trash had."""
        import rbd

        with self.pool() as pool:
            return [found['name'] for found in rbd.RBD().trash_list(pool)]

    @contextlib.contextmanager
    def opened(self, image: str) -> Iterator[None]:
        """Have an image open for writing for a while, as a hypervisor has."""
        import rbd

        with self.pool() as pool, rbd.Image(pool, image):
            yield

    @contextlib.contextmanager
    def cloned(self, image: str, version: int = 1) -> Iterator[None]:
        """Have a clone of an image's snapshot for a while, as a volume is.

        :param version: of the format; only 1 holds the snapshot fast.
        """
        import rbd

        with self.connected() as cluster, cluster.open_ioctx(POOL) as pool:
            cluster.conf_set('rbd_default_clone_format', str(version))
            layers = rbd.RBD_FEATURE_LAYERING
            rbd.RBD().clone(pool, image, 'snap', pool, 'clone', layers)
            try:
                yield
            finally:
                rbd.RBD().remove(pool, 'clone')

    def remove(self, image: str) -> None:
        """Delete an image and its snapshots behind the driver's back."""
        import rbd

        with self.pool() as pool:
            with rbd.Image(pool, image) as opened:
                for found in list(opened.list_snaps()):
                    if opened.is_protected_snap(found['name']):
                        opened.unprotect_snap(found['name'])
                    opened.remove_snap(found['name'])
            rbd.RBD().remove(pool, image)

    def run(self, *command: str) -> None:
        """Run one of Ceph's programs against this cluster.

        :raises RuntimeError: when it fails, with what it said.
        """
        done = subprocess.run(
            command, env=self.environment(), capture_output=True, text=True
        )
        if done.returncode:
            said = (done.stdout + done.stderr)[:4000]
            raise RuntimeError(f'{command[0]}: {said}')

    def environment(self) -> dict[str, str]:
        """Return the variables with which Ceph's programs find it."""
        return dict(os.environ) | {'CEPH_CONF': str(self.config)}

    def _use(self) -> None:
        """Write and delete something: it returns when the pool works."""
        with self.pool() as pool:
            pool.write_full('probe', b'')
            pool.remove_object('probe')

    def _boot(self, kind: str, name: str, ready: Callable[[], bool]) -> None:
        self._processes[kind] = processes.boot(
            [f'ceph-{kind}', '-i', name, '-f'],
            self.environment(),
            self.directory / f'{kind}.log',
            ready,
        )

    def _listens(self) -> bool:
        """Whether the monitor does: a client that is early waits seconds."""
        with socket.socket() as probe:
            return not probe.connect_ex(('127.0.0.1', self._port.number))


def _order(cluster: Any, prefix: str, **values: object) -> bytes:
    """Give the monitor a command; return its answer.

    :raises RuntimeError: when it refuses, with what it said.
    """
    order = json.dumps({'prefix': prefix} | values)
    failed, answer, said = cluster.mon_command(order, b'')
    if failed:
        raise RuntimeError(f'{prefix}: {said}')
    return bytes(answer)


def _osds(cluster: Any) -> int:
    """Return how many OSDs are up."""
    found = json.loads(_order(cluster, 'osd stat', format='json'))
    return int(found['num_up_osds'])


@functools.cache
def shared() -> Ceph:
    """Return the Ceph of this worker process, started at the first call.

    :raises unittest.SkipTest: where there is none, with the reason.
    """
    return Ceph().start()
