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
"""A Glance on real stores whose hashes can be stopped at a byte."""

from __future__ import annotations

import functools
from typing import Any
import urllib.parse

from tests.harness import glance
from tests.harness.backends import ceph
from tests.harness.backends import filesystems
from tests.harness.backends import stores
from tests.harness.backends import swift
from tests.services import pacing

FILTER = """
[filter:pacing]
paste.filter_factory = tests.services.pacing:filter_factory
"""
CONTAINER, BUCKET = 'container', 'bucket'
STORES = {
    'disk': lambda: filesystems.shared().conf('disk'),
    'xfs': lambda: filesystems.shared('xfs').conf('xfs'),
    'btrfs': lambda: filesystems.shared('btrfs').conf('btrfs'),
    'http': lambda: {'http:http': {}},
    'rbd': lambda: ceph.shared().conf('rbd', rados_connect_timeout=1),
    # Without an end, which is the driver's default.
    'patient': lambda: ceph.shared().conf(
        'patient', rados_connect_timeout=-1),
    's3': lambda: swift.shared().s3_conf('s3', s3_store_bucket=BUCKET),
    'segmented': lambda: swift.shared().conf(
        'segmented', swift_store_container=CONTAINER),
    'whole': lambda: swift.shared().conf(
        'whole', swift_store_container=CONTAINER,
        swift_store_large_object_size=500),
}


@functools.cache
def shared(
    *names: str, attempts: int = 1, stall_timeout: int = 60
) -> PacedGlance:
    """Return the running Glance of this process with these ``STORES``.

    :raises unittest.SkipTest: where a backend is absent, with its name
    """
    arguments = stores.instance(*(STORES[name]() for name in names))
    arguments['config'] |= {
        'DEFAULT': {
            'http_retries': attempts - 1,
            'show_multiple_locations': True,
        },
        'glance_ext': {'stall_timeout': stall_timeout},
    }
    return PacedGlance(**arguments).start()


class PacedGlance(glance.Glance):
    """One with the filter ``pacing``."""

    def prepare(self) -> None:
        """Put the filter before our own."""
        super().prepare()
        path = self.directory / 'etc' / 'glance-api-paste.ini'
        text = path.read_text()
        path.write_text(text.replace(' glance_ext ', ' pacing glance_ext ')
                        + FILTER)

    def hold(self, store: str) -> None:
        """Have nobody read a store, until :meth:`let_go`."""
        self._ask(store=store, rate=pacing.STOPPED)

    def read_until(self, byte: int, store: str, image: str) -> int:
        """Have the hash of an image that is held read on to a byte.

        :returns: where it is; that is up to one chunk of its driver further
        """
        return self._ask(store=store, image=image, byte=byte)

    def let_go(self, store: str) -> None:
        """Have everything that was held in a store read on."""
        self._ask(store=store, rate=pacing.UNLIMITED)

    def _ask(self, **asked: Any) -> int:
        path = f'{pacing.PATH}?{urllib.parse.urlencode(asked)}'
        answer = self.request('POST', path)
        if answer.status != 200:
            raise AssertionError(f'{answer.status}: {answer.text}')
        return int(answer.body)
