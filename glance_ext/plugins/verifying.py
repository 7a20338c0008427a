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

"""What data has to pass before it becomes an image, one plugin after another.

``[glance_ext] verifiers`` names them, in order. Others can be added as entry
points of ``glance_ext.verifiers``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import logging
from pathlib import Path
from typing import Any, Protocol

from oslo_config import cfg
from stevedore import named

from glance_ext import errors
from glance_ext.host import claims
from glance_ext.host import contexts
from glance_ext.host import conversion
from glance_ext.host import formats

LOG = logging.getLogger(__name__)

NAMESPACE = 'glance_ext.verifiers'
#: The verifier that compares what was fetched with what was promised.
DIGEST = 'digest'


@dataclass
class Subject:
    """Data in staging, and what is known and wanted of it.

    A verifier may fill in what is None, and may put another file, in the
    same directory, and its format in the place of the first ones.

    :ivar disk_format: as declared, or None until something has found it out
    :ivar found: ``{algorithm: hex digest}`` of what was fetched
    :ivar expected: ``{algorithm: hex digest}`` that it was to have
    :ivar most: bytes that the image may have
    :ivar context: of whoever wants the image
    :ivar virtual_size: bytes of the disk in it, or None: not known
    :ivar sleep: waits, and raises what the work has to end for
    """

    file: Path
    disk_format: str | None
    container_format: str
    found: Mapping[str, str]
    expected: Mapping[str, str]
    most: int
    context: contexts.Context
    sleep: Callable[[float], None]
    virtual_size: int | None = None

    @property
    def size(self) -> int:
        return self.file.stat().st_size

    @property
    def is_opaque(self) -> bool:
        """Whether the data is in a container, which nothing looks into."""
        return self.container_format != 'bare'


class Verifier(Protocol):
    """One instance serves all imports of a process."""

    def verify(self, subject: Subject) -> None:
        """Object to the data, or return.

        :raises errors.ActionError: in words for whoever wants the image
        """


def verify(subject: Subject) -> None:
    """Have the data pass every verifier, in the order of the option.

    :raises errors.ActionError: what the first one to object said
    :raises errors.InternalError: one that is named is not installed
    """
    names = cfg.CONF.glance_ext.verifiers
    found: Any = named.NamedExtensionManager(
        NAMESPACE, names, invoke_on_load=True,
        warn_on_missing_entrypoint=False)
    chain: dict[str, Verifier] = {each.name: each.obj for each in found}
    for name in names:
        if name not in chain:
            LOG.error('[glance_ext] verifiers names %r, which is not '
                      'installed', name)
            raise errors.InternalError(
                'A verifier of this host is not installed; its log has the '
                'name')
    for name in names:
        subject.sleep(0)
        chain[name].verify(subject)


class Format:
    """The data is of the declared format; without one, of any known."""

    def verify(self, subject: Subject) -> None:
        if subject.is_opaque:
            subject.disk_format = subject.disk_format or formats.RAW
            return
        if subject.disk_format is not None:
            conversion.require_format(subject.file, subject.disk_format)
            return
        found = formats.detect(subject.file)
        if not found.is_known:
            raise errors.InvalidImageData(
                'The data is of no known disk format; declare disk_format if '
                'it is an image nevertheless')
        subject.disk_format = found.name


class Safety:
    """Nothing in the data leads to other files, or hides a second image."""

    def verify(self, subject: Subject) -> None:
        if not subject.is_opaque:
            formats.require_safe(subject.file)


class Size:
    """There is data, and no more than an image may have."""

    def verify(self, subject: Subject) -> None:
        size = subject.size
        if not size:
            raise errors.InvalidImageData('There is no data: 0 bytes')
        require_room(size, subject.most)


def require_room(size: int, most: int) -> None:
    """:raises errors.ImageTooLarge:"""
    if size > most:
        raise errors.ImageTooLarge(
            f'The data has {size} bytes; '
            f'{claims.limit_of(most)} allows {most}')


class Digest:
    """What was fetched has the digest that was asked for."""

    def verify(self, subject: Subject) -> None:
        for algorithm, value in subject.expected.items():
            if subject.found[algorithm] != value.lower():
                raise errors.HashMismatch(
                    f'The {algorithm} of the data is not the one that was '
                    f'asked for')


class VirtualSize:
    """The disk in the data is no larger than an image may be."""

    def verify(self, subject: Subject) -> None:
        if subject.is_opaque:
            return
        found = formats.detect(subject.file)
        size = found.virtual_size
        if size > subject.most:
            raise errors.ImageTooLarge(
                f'The disk in the data has {size} bytes; '
                f'{claims.limit_of(subject.most)} allows {subject.most}')
        # A disk format that is not looked into has none.
        if found.name == subject.disk_format:
            subject.virtual_size = size


class Conversion:
    """The image is of the deployment's format, whatever was fetched."""

    def verify(self, subject: Subject) -> None:
        wanted, given = conversion.wanted_format(), subject.disk_format
        if subject.is_opaque or given not in conversion.FORMATS or (
                given == wanted):
            return
        made = subject.file.with_name('converted')
        subject.virtual_size = conversion.convert(
            subject.file, given, made, wanted, subject.most,
            subject.context, subject.sleep)
        subject.file, subject.disk_format = made, wanted
