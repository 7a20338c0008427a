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

"""A Python library for the calls that glance-ext adds to Glance.

::

    import openstack

    from glance_ext import client

    images = client.Client(openstack.connect())
    action = images.calculate_hash(image_id, algorithm='sha256')
    action = images.wait(action.id)
    print(action.result['os_hash_value'])

It speaks HTTP through the openstacksdk connection or the glanceclient that
it is given, which authenticate; it needs nothing of the server's side.
Whatever goes wrong is a :class:`ClientError`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glance_ext.client.action import Action
    from glance_ext.client.action import Failure
    from glance_ext.client.action import Progress
    from glance_ext.client.calls import Client
    from glance_ext.client.errors import AmbiguousName
    from glance_ext.client.errors import ClientError
    from glance_ext.client.errors import ExtensionAbsent
    from glance_ext.client.errors import ImageNotFound
    from glance_ext.client.errors import NotOffered
    from glance_ext.client.errors import Refused
    from glance_ext.client.errors import UnexpectedAnswer
    from glance_ext.client.errors import Unreachable
    from glance_ext.client.errors import WaitTimeout
    from glance_ext.client.images import Image
    from glance_ext.client.requests import Exports
    from glance_ext.client.requests import Imports
    from glance_ext.client.requests import Request

__all__ = (
    'Action',
    'AmbiguousName',
    'Client',
    'ClientError',
    'Exports',
    'ExtensionAbsent',
    'Failure',
    'Image',
    'ImageNotFound',
    'Imports',
    'NotOffered',
    'Progress',
    'Refused',
    'Request',
    'UnexpectedAnswer',
    'Unreachable',
    'WaitTimeout',
)

_HOMES = ('calls', 'action', 'errors', 'images', 'requests')


def __getattr__(name: str) -> Any:
    # When asked for: "openstack --help" loads all commands for one line each.
    if name in __all__:
        for home in _HOMES:
            module = importlib.import_module(f'{__name__}.{home}')
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
