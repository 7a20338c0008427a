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
"""Certificates of those who sign images, and where Glance finds them."""

import base64
import datetime
import os
from pathlib import Path
from typing import Any
import uuid

from castellan.common import exception
from castellan.common.objects import x_509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric import rsa


class Certificates:
    """A key manager that keeps them in the directory of Glance's options.

    As ``[key_manager] backend``.
    """

    def __init__(self, configuration: Any) -> None:
        self._directory = Path(os.environ['OS_GLANCE_CONFIG_DIR'])

    def get(self, context: Any, managed_object_id: str) -> Any:
        path = self._directory / f'{managed_object_id}.der'
        if not path.exists():
            raise exception.ManagedObjectNotFoundError(managed_object_id)
        return x_509.X509(path.read_bytes())


class Signer:
    """Somebody with a key, whose certificate that key manager has."""

    def __init__(self, directory: Path) -> None:
        self._key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(
            x509.NameOID.COMMON_NAME, 'signer')])
        now = datetime.datetime.now(datetime.UTC)
        certificate = x509.CertificateBuilder(
            name, name, self._key.public_key(), x509.random_serial_number(),
            now, now + datetime.timedelta(days=1),
        ).sign(self._key, hashes.SHA256())
        self._id = str(uuid.uuid4())
        (directory / f'{self._id}.der').write_bytes(
            certificate.public_bytes(serialization.Encoding.DER))

    def sign(self, data: bytes) -> dict[str, str]:
        """Return the properties of an image that is signed so."""
        signature = self._key.sign(
            data, padding.PSS(padding.MGF1(hashes.SHA256()),
                              padding.PSS.MAX_LENGTH), hashes.SHA256())
        return {
            'img_signature': base64.b64encode(signature).decode(),
            'img_signature_hash_method': 'SHA-256',
            'img_signature_key_type': 'RSA-PSS',
            'img_signature_certificate_uuid': self._id}
