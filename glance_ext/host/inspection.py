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
"""Data on its way, looked at as Glance looks at an upload.

Signatures are verified, formats compared with what the image says, and
dangerous ones refused, by the code and the options of the Glance that is
installed: each release knows more formats and dangers than the one before.
"""

from types import SimpleNamespace
from typing import Any, Protocol

from cursive import exception as signature_exceptions
from cursive import signature_utils
from glance import location
from glance.common import exception

from glance_ext import errors
from glance_ext.host import contexts

_PIECE = 1 << 20


class Stream(Protocol):
    def read(self, size: int) -> bytes: ...


def is_signed(image: Any) -> bool:
    """Tell whether an image asks for its signature to be verified."""
    return bool(signature_utils.should_create_verifier(
        image.extra_properties))


def inspect(image: Any, context: contexts.Context, stream: Stream
            ) -> int | None:
    """Read a stream to its end, and object to it as Glance would.

    :param image: Glance's image object, before it has data
    :returns: the virtual size in bytes, where the format tells one
    :raises errors.SignatureInvalid:
    :raises errors.InvalidImageData: not what the image says, or dangerous
    """
    upload = location.ImageProxy(SimpleNamespace(
        image_id=image.image_id, disk_format=image.disk_format,
        container_format=image.container_format,
        extra_properties=dict(image.extra_properties), status=image.status,
        size=None, virtual_size=None, checksum=None, os_hash_algo=None,
        os_hash_value=None, locations=[]), context, _NoStore(), None)
    try:
        upload.set_data(stream, set_active=False)
    except signature_exceptions.SignatureVerificationError as exc:
        raise errors.SignatureInvalid(
            'The image\'s signature is not that of the data, or could not '
            'be verified') from exc
    except exception.ImageSizeLimitExceeded as exc:
        raise errors.ImageTooLarge(
            'The data is larger than image_size_cap') from exc
    except (exception.Invalid, exception.UploadException) as exc:
        raise errors.InvalidImageData(
            f'The data is not what the image says, or is not safe: {exc}'
        ) from exc
    found: int | None = upload.image.virtual_size
    return found


class _NoStore:
    """Stands in for glance_store: takes what Glance uploads, keeps nothing.
    """

    def add_with_multihash(self, conf: Any, image_id: str, data: Stream,
                           size: int, store: Any, algorithm: str,
                           **rest: Any) -> tuple[Any, ...]:
        return self._take(data, **rest)

    def add_to_backend_with_multihash(
            self, conf: Any, image_id: str, data: Stream, size: int,
            algorithm: str, **rest: Any) -> tuple[Any, ...]:
        return self._take(data, **rest)

    def _take(self, data: Stream, context: Any, verifier: Any
              ) -> tuple[Any, ...]:
        while chunk := data.read(_PIECE):
            if verifier is not None:
                verifier.update(chunk)
        return '', None, None, None, {}

    def delete(self, *args: Any, **kwargs: Any) -> None:
        """Glance deletes what has a wrong signature."""

    delete_from_backend = delete
