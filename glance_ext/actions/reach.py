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
"""Which stores an action needs, and who has them."""

from collections.abc import Collection

from oslo_config import cfg

from glance_ext.actions import record
from glance_ext.host import images
from glance_ext.stores import drivers


def stores() -> list[str]:
    """Return the ids of the stores of this process."""
    return sorted(store for store in list(cfg.CONF.enabled_backends or ())
                  if not store.startswith('os_glance_'))


def needs_token(targets: Collection[str], image_id: str | None) -> bool:
    """Tell whether a process needs the caller's token for these stores.

    It does where a target works only with that, or every store that the
    image is in.
    """
    if not any(map(drivers.needs_token, drivers.known())):
        return False
    sources = {drivers.store_of(location) for location in images.locations(
        image_id, drivers.default_store())} if image_id else set()
    return any(map(drivers.needs_token, targets)) or bool(sources) and all(
        map(drivers.needs_token, sources))


def lacking(action: record.Action, having: Collection[str]) -> str:
    """Say what a process with the stores ``having`` lacks; '' is nothing.

    It needs every target, and one of the stores that the image is in. A
    Glance with a single store has no ids, and lacks nothing.
    """
    if not having:
        return ''
    targets = sorted(set(action.spec.get('stores') or ()) - set(having))
    if targets:
        return ', '.join(map(drivers.name, targets))
    sources = {drivers.store_of(location) for location in images.locations(
        action.image_id, drivers.default_store())}
    if sources and not sources & {*having, ''}:
        return f'any of {", ".join(map(drivers.name, sorted(sources)))}'
    return ''
