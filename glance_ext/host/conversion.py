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

"""Turning an image from one format into another, with qemu-img.

It reads data that nobody trusts, so it gets little memory, little time and
no room for more than an image may have.
"""

from collections.abc import Callable
from pathlib import Path
import shutil
import subprocess  # noqa: S404
import sys
import tempfile

from glance.async_.flows.plugins import image_conversion
from oslo_config import cfg

from glance_ext import errors

_LOOK_UP = 0.2
#: Which formats qemu-img calls otherwise.
_NAMES = {'vhd': 'vpc', 'vhdx': 'vhdx', 'ploop': 'parallels'}
#: What can be read and written.
FORMATS = ('qcow2', 'raw', 'vhd', 'vhdx', 'vmdk', 'vdi')
_MIB = 1 << 20
#: Bytes of what qemu-img says that are looked at.
_MOST_SAID = 4096


def wanted_format() -> str:
    """Return the format of this deployment, as Glance's plugin has it."""
    name: str = image_conversion.CONF.image_conversion.output_format
    return name


def convert(source: Path, source_format: str, target: Path,
            target_format: str, most: int,
            sleep: Callable[[float], None]) -> None:
    """Make ``target`` of ``source``.

    :param most: bytes that the result may have
    :param sleep: called while it runs; what it raises ends it
    :raises errors.ConversionFailed: it cannot be done, or not within bounds
    """
    if shutil.which('qemu-img') is None:
        raise errors.ConversionFailed(
            'The conversion needs qemu-img, which this host does not have')
    options = cfg.CONF.glance_ext
    # As a shell's limits would be, which no thread of ours may set.
    limits = [_python(), '-m', 'oslo_concurrency.prlimit',
              f'--as={options.conversion_memory * _MIB}',
              f'--cpu={options.conversion_timeout}', f'--fsize={most}',
              '--core=0', '--']
    command = ['qemu-img', 'convert', '-f', _name(source_format), '-O',
               _name(target_format), str(source), str(target)]
    with tempfile.TemporaryFile() as heard:
        process = subprocess.Popen(  # noqa: S603
            [*limits, *command], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=heard)
        try:
            while process.poll() is None:
                sleep(_LOOK_UP)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
        heard.seek(0)
        said = heard.read(_MOST_SAID)
    if process.returncode:
        target.unlink(missing_ok=True)
        raise _failure(process.returncode, said, source_format, target_format)


def _failure(code: int, said: bytes, source: str, target: str
             ) -> errors.ConversionFailed:
    why = ('it needed more than the memory, the time or the room that it '
           'gets' if code < 0 or b'too large' in said or b'memory' in said
           else 'the data may be damaged')
    return errors.ConversionFailed(
        f'The data could not be converted from {source} to {target}: {why}')


def _name(disk_format: str) -> str:
    return _NAMES.get(disk_format, disk_format)


def _python() -> str:
    """Return the interpreter; that of uWSGI is uWSGI."""
    return cfg.CONF.wsgi.python_interpreter or sys.executable
