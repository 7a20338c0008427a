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
"""The server of ``http`` with TLS, under a certificate of its own."""

from __future__ import annotations

import datetime
import pathlib
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.harness.backends import http


class Server(http.Server):
    """Speaks TLS. :param pem: made by ``certificate``"""

    def __init__(self, pem: pathlib.Path) -> None:
        super().__init__()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        # Threads greet, so that nobody who is slow keeps the others out.
        self._listener.socket = context.wrap_socket(
            self._listener.socket,
            server_side=True,
            do_handshake_on_connect=False,
        )
        self.port = int(self.url.rpartition(':')[2])
        self.url = f'https://localhost:{self.port}'


def certificate(directory: str, name: str, days: int = 1) -> pathlib.Path:
    """Write a certificate for a name, and its key; it is its own CA.

    :param days: until it ends; in the past where that is negative
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name)]), False
        )
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
        )
        .sign(key, hashes.SHA256())
    )
    path = pathlib.Path(directory, f'{name}.pem')
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path
