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


"""What the image services raise. The names are those of Nova's exceptions."""

import re
from typing import Any, NoReturn


class ImageServiceError(Exception):
    """A call of an image service failed; ``str()`` says why."""


class Invalid(ImageServiceError):
    """The image service refuses the values it was given (400, 413, 415)."""


class Forbidden(ImageServiceError):
    """The caller may not do this (401, 403)."""


class NotFound(ImageServiceError):
    """There is no such thing, or not for this caller (404)."""


class Conflict(ImageServiceError):
    """It cannot be done to the image as it is now (409)."""


class ImageBadRequest(Invalid):
    """As ``Invalid``, about one image."""


class ImageQuotaExceeded(Invalid):
    """The image, or its data, is more than a quota allows (413)."""


class InvalidImageRef(Invalid):
    """An image reference is neither an id nor an image's URL."""


class ImageUnacceptable(Invalid):
    """The image has no data to download."""


class CertificateValidationFailed(Invalid):
    """A signature was to be verified, which these services do not do."""


class ImageNotAuthorized(Forbidden):
    """As ``Forbidden``, about one image."""


class ImageNotFound(NotFound):
    """As ``NotFound``, about one image."""


class ImageDeleteConflict(Conflict):
    """The image is in use and cannot be deleted."""


class ImageImportImpossible(Conflict):
    """The image is in no state to be copied to another store."""


class GlanceConnectionFailed(ImageServiceError):
    """No image server answered, in all the attempts that were allowed."""


_OF_STATUS: dict[int, type[ImageServiceError]] = {
    400: Invalid,
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    413: Invalid,
    415: Invalid,
}
_OF_IMAGE: dict[int, type[ImageServiceError]] = {
    400: ImageBadRequest,
    401: ImageNotAuthorized,
    403: ImageNotAuthorized,
    404: ImageNotFound,
    410: ImageNotFound,
    413: ImageQuotaExceeded,
    415: ImageBadRequest,
}


def check(answer: Any, image_id: str | None = None) -> Any:
    """Return the answer of a server if it is a good one.

    :param image_id: the image that it is about, if it is about one.
    :raises ImageServiceError: a subclass by its status otherwise
    """
    if answer.status_code < 300:
        return answer
    _refused(answer, image_id)


def _refused(answer: Any, image_id: str | None) -> NoReturn:
    status = answer.status_code
    kind = _OF_STATUS.get(status, ImageServiceError)
    text = re.sub(r'<[^>]*>|\s+', ' ', answer.text).strip()
    if image_id is not None:
        kind = _OF_IMAGE.get(status, kind)
        text = f'image {image_id}: {text}'
    raise kind(f'{text} (HTTP {status})')
