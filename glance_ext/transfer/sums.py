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
"""Files that list the digests of other files, as mirrors offer them."""

from collections.abc import Iterable
import hashlib
import re

from glance_ext import errors

#: Bytes that such a file may have.
MOST = 1 << 20

#: By the number of hex digits; SHA-3 and BLAKE2 have to be called by name.
_BY_LENGTH = {32: 'md5', 40: 'sha1', 56: 'sha224', 64: 'sha256',
              96: 'sha384', 128: 'sha512'}
_GNU = re.compile(r'\\?([0-9a-fA-F]{32,128})(?: [ *]?|\t)(\S.*)')
_BSD = re.compile(r'\\?([A-Za-z0-9/_-]+) ?\((.+)\) ?= ?([0-9a-fA-F]{32,128})')
_LONE = re.compile(r'[0-9a-fA-F]{32,128}')


def read(chunks: Iterable[bytes]) -> str:
    """Return the text of a file of digests.

    :raises errors.DigestUnknown: it is too large, or no text
    """
    data = b''
    for chunk in chunks:
        data += chunk
        if len(data) > MOST:
            raise errors.DigestUnknown(
                f'the file of digests has more than {MOST} bytes')
    try:
        return data.decode('utf-8-sig')
    except UnicodeDecodeError:
        raise errors.DigestUnknown('the file of digests is no text') from None


def find(text: str, name: str, source: str = '') -> tuple[str, str]:
    """Return the algorithm and the digest, in lower case, of a file.

    A line is ``DIGEST  NAME`` or ``DIGEST *NAME`` as GNU writes it,
    ``ALGORITHM (NAME) = DIGEST`` as BSD does, or a digest alone, which is
    taken if the text has nothing else. What else there is, a signature or an
    algorithm that no Python has, is passed over. Where several algorithms are
    listed, the longest digest is taken.

    :param name: of the wanted file; directories do not count, neither here
        nor in the text
    :param source: the name of the file of digests, which may tell the
        algorithm where BSD's notation does not
    :raises errors.DigestUnknown: it is not there, or not clear
    """
    wanted = name.rpartition('/')[2]
    found: set[tuple[str, str]] = set()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        if match := _BSD.fullmatch(line):
            algorithm, file, digest = match.groups()
        elif match := _GNU.fullmatch(line):
            algorithm, (digest, file) = '', match.groups()
        elif len(lines) == 1 and _LONE.fullmatch(line):
            algorithm, digest, file = '', line, wanted
        else:
            continue
        algorithm = _algorithm(algorithm or _named(source, digest), digest)
        if file.rpartition('/')[2] == wanted and algorithm:
            found.add((algorithm, digest.lower()))
    if not found:
        raise errors.DigestUnknown(
            'the file of digests does not list the wanted file')
    longest = max(len(digest) for _, digest in found)
    best = [each for each in found if len(each[1]) == longest]
    if len(best) > 1:
        raise errors.DigestUnknown(
            'the file of digests lists the wanted file more than once')
    return best[0]


def _algorithm(name: str, digest: str) -> str:
    """Return an algorithm as ``hashlib`` calls it, or '' if it does not."""
    found = re.sub('^sha2?-', 'sha', name.lower().replace('/', '_'))
    found = found.replace('-', '_') or _BY_LENGTH.get(len(digest), '')
    return found if found in hashlib.algorithms_guaranteed else ''


def _named(source: str, digest: str) -> str:
    """Return the algorithm that a name like SHA3-256SUMS tells, or ''.

    A name that does not fit the digest tells nothing.
    """
    match = re.search(r'(sha3[-_]?(?:224|256|384|512)|blake2[bs])',
                      source.rpartition('/')[2].lower())
    if not match:
        return ''
    name = re.sub(r'^sha3[-_]?', 'sha3_', match[1])
    lengths = {'blake2b': 128, 'blake2s': 64}
    bits = name.rpartition('_')[2]
    length = lengths.get(name) or int(bits) // 4
    return name if length == len(digest) else ''
