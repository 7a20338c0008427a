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

"""What can go wrong with an action, by cause.

Each class carries a stable ``code``: it is what ``error.code`` of an image
action holds, what scripts compare and what the operator's page explains.
A code is never renamed and never used again for something else. Messages
are for people and never hold a location's URL or a credential.
"""

from typing import Any


class ActionError(Exception):
    """An action cannot succeed. ``message`` says why, in words.

    :ivar result: what the action has found out all the same
    """

    code = 'internal_error'
    #: Whether another attempt may go better.
    passing = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.result: dict[str, Any] = {}


class InternalError(ActionError):
    """Something unforeseen; the log of the process has the traceback."""

    code = 'internal_error'


class Cancelled(ActionError):
    """Somebody cancelled the action."""

    code = 'cancelled'


class ImageDeleted(ActionError):
    """The image was deleted while the action ran."""

    code = 'image_deleted'


class ImageNotActive(ActionError):
    """The image left the status ``active`` while the action ran."""

    code = 'image_not_active'


class ImageChanged(ActionError):
    """Somebody else changed what the action was working on."""

    code = 'image_changed'


class HashMismatch(ActionError):
    """The data is not what the image's recorded digests say."""

    code = 'hash_mismatch'


class HashUnverifiable(ActionError):
    """The recorded digest is of an algorithm that this host lacks."""

    code = 'hash_unverifiable'


class ImageRefused(ActionError):
    """Glance does not make an image with such properties, or no more."""

    code = 'image_refused'


class ImageExists(ActionError):
    """Somebody else made an image with the wanted id."""

    code = 'image_exists'


class BadCopy(ActionError):
    """Not every copy of the image is good; ``result`` has the verdicts."""

    code = 'bad_copy'

    def __init__(self, message: str, result: dict[str, Any]) -> None:
        super().__init__(message)
        self.result = result


class InvalidImageData(ActionError):
    """The data is not of the format that the image says, or is not safe."""

    code = 'invalid_image_data'


class ConversionFailed(ActionError):
    """One of Glance's import plugins could not do its work."""

    code = 'conversion_failed'


class SignatureInvalid(ActionError):
    """The image's signature is not that of the data."""

    code = 'signature_invalid'


class ImageTooLarge(ActionError):
    """The data is more than the project, or any image, may have."""

    code = 'image_too_large'


class UploadMissing(ActionError):
    """The data of an import was not uploaded in time."""

    code = 'upload_missing'


class UploadLost(ActionError):
    """Uploaded data is not where the action runs."""

    code = 'upload_lost'


class CredentialsLost(ActionError):
    """What a URI needs to be read was kept by a process that is gone."""

    code = 'credentials_lost'


class WorkerLost(ActionError):
    """The process that ran the action stopped giving signs of life."""

    code = 'worker_lost'


class StoreError(ActionError):
    """A store failed. Worth another attempt, on another copy first."""

    code = 'store_error'
    passing = True


class ShortRead(StoreError):
    """A store gave another number of bytes than it should have."""

    code = 'short_read'


class StoreStalled(StoreError):
    """A store neither gave data nor failed, for too long."""

    code = 'store_stalled'


class StoreUnavailable(StoreError):
    """A store cannot be reached, cannot answer now, or is not mounted."""

    code = 'store_unavailable'


class StoreDenied(StoreError):
    """A store refuses the account, or the user that Glance runs as."""

    code = 'store_denied'
    passing = False


class StoreMisconfigured(StoreError):
    """The bucket, pool, container or directory is missing or read-only."""

    code = 'store_misconfigured'
    passing = False


class StoreFull(StoreError):
    """A store, or the quota of its account, has no room for the data."""

    code = 'store_full'
    passing = False


class StoreOccupied(StoreError):
    """A store holds something under the image's id that is no copy of it."""

    code = 'store_occupied'
    passing = False


class StoreBusy(StoreError):
    """A store refuses to delete data that something else still uses."""

    code = 'store_busy'


class CopiesDiffer(StoreError):
    """Two copies of an image do not hold the same bytes."""

    code = 'copies_differ'


class DataMissing(StoreError):
    """The image has no data where its location says."""

    code = 'data_missing'


class DestinationRefused(ActionError):
    """The rules forbid to connect to where a URI or a redirect leads."""

    code = 'destination_refused'


class StoreNeedsUserToken(ActionError):
    """A store works only with the token of the caller, which is not here."""

    code = 'store_needs_user_token'


class RemoteRefused(ActionError):
    """A server gave an answer that asking again does not change.

    :ivar status: of that answer, or 0 where it was something else
    """

    code = 'remote_refused'
    status = 0


class RemoteUnavailable(ActionError):
    """A server cannot be reached or broke off. Worth another attempt.

    :ivar status: of the server's answer, or 0: it gave none
    :ivar retry_after: seconds after which the server wants to be asked
        again, or 0
    """

    code = 'remote_unavailable'
    passing = True
    status = 0
    retry_after = 0.0


class RemoteTimeout(RemoteUnavailable):
    """A server gave too little within the time that it had."""

    code = 'remote_timeout'


class SourceChanged(ActionError):
    """What was read so far cannot be gone on with; byte 0 is next."""

    code = 'source_changed'
    passing = True


class SourceTooLarge(ActionError):
    """A server has more bytes than are wanted."""

    code = 'source_too_large'


class DigestUnknown(ActionError):
    """A file of digests does not say what the wanted file's is."""

    code = 'digest_unknown'
