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
"""What an action needs and nobody may see: kept here, or encrypted."""

import base64
import hashlib

from cryptography import fernet
from oslo_config import cfg

from glance_ext import errors


def seal(secrets: dict[str, str]) -> dict[str, str]:
    """Return the secrets as the action's row may hold them.

    Nothing without ``[glance_ext] secret_key``: then only the process that
    accepted the action has them.
    """
    key = _key()
    if key is None:
        return {}
    return {name: key.encrypt(secret.encode()).decode()
            for name, secret in secrets.items()}


def unseal(sealed: dict[str, str], name: str) -> str:
    """Return a secret.

    :raises errors.CredentialsLost: it is not there, or of another key
    """
    key = _key()
    if key is None or name not in sealed:
        raise errors.CredentialsLost(
            'The query string of the URI went with the process that '
            'accepted the action; secret_key would keep it')
    try:
        return key.decrypt(sealed[name].encode()).decode()
    except fernet.InvalidToken as exc:
        raise errors.CredentialsLost(
            'The query string of the URI was encrypted with another '
            'secret_key') from exc


def _key() -> fernet.Fernet | None:
    secret = cfg.CONF.glance_ext.secret_key
    if not secret:
        return None
    return fernet.Fernet(base64.urlsafe_b64encode(
        hashlib.sha256(secret.encode()).digest()))
