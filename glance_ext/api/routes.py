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
"""All that the extension answers, in one table.

The filter's test of a path, the matching, the answer 405 with ``Allow`` and
the checks of the documentation are made from it.
"""

from collections.abc import Callable
import re
from typing import Any, NamedTuple

import routes

from glance_ext.api import actions
from glance_ext.api import discovery
from glance_ext.api import hashes
from glance_ext.api import image_exports
from glance_ext.api import image_imports
from glance_ext.api import metrics
from glance_ext.api import schemas
from glance_ext.api import verifications
from glance_ext.host.wsgi import Answer
from glance_ext.policies.actions import CANCEL_IMAGE_ACTION
from glance_ext.policies.actions import GET_IMAGE_ACTION
from glance_ext.policies.actions import GET_IMAGE_ACTIONS
from glance_ext.policies.hash import CALCULATE_HASH
from glance_ext.policies.image_exports import DELETE_IMAGE_EXPORT
from glance_ext.policies.image_exports import EXPORT_IMAGE
from glance_ext.policies.image_exports import GET_IMAGE_EXPORT
from glance_ext.policies.image_exports import GET_IMAGE_EXPORTS
from glance_ext.policies.image_imports import ADD_IMAGE_IMPORT
from glance_ext.policies.image_imports import DELETE_IMAGE_IMPORT
from glance_ext.policies.image_imports import GET_IMAGE_IMPORT
from glance_ext.policies.image_imports import GET_IMAGE_IMPORTS
from glance_ext.policies.image_imports import UPLOAD_IMAGE_IMPORT
from glance_ext.policies.metrics import GET_METRICS
from glance_ext.policies.verify import VERIFY_IMAGE


class Route(NamedTuple):
    """One method of one path, and who may call it (None: anybody known)."""

    method: str
    path: str
    handler: Callable[..., Answer]
    policy: str | None = None


ROUTES: tuple[Route, ...] = (
    Route('POST', '/v2/images/{image_id}/hash', hashes.calculate,
          CALCULATE_HASH),
    Route('POST', '/v2/images/{image_id}/verify', verifications.begin,
          VERIFY_IMAGE),
    Route('GET', '/v2/image-actions', actions.index, GET_IMAGE_ACTIONS),
    Route('GET', '/v2/image-actions/{action_id}', actions.show,
          GET_IMAGE_ACTION),
    Route('DELETE', '/v2/image-actions/{action_id}', actions.cancel,
          CANCEL_IMAGE_ACTION),
    Route('POST', '/v2/image-imports', image_imports.create,
          ADD_IMAGE_IMPORT),
    Route('GET', '/v2/image-imports', image_imports.index,
          GET_IMAGE_IMPORTS),
    Route('GET', '/v2/image-imports/{import_id}', image_imports.show,
          GET_IMAGE_IMPORT),
    Route('DELETE', '/v2/image-imports/{import_id}', image_imports.delete,
          DELETE_IMAGE_IMPORT),
    Route('PUT', '/v2/image-imports/{import_id}/file', image_imports.upload,
          UPLOAD_IMAGE_IMPORT),
    Route('POST', '/v2/images/{image_id}/export', image_exports.create,
          EXPORT_IMAGE),
    Route('GET', '/v2/image-exports', image_exports.index,
          GET_IMAGE_EXPORTS),
    Route('GET', '/v2/image-exports/{export_id}', image_exports.show,
          GET_IMAGE_EXPORT),
    Route('DELETE', '/v2/image-exports/{export_id}', image_exports.delete,
          DELETE_IMAGE_EXPORT),
    Route('GET', '/v2/info/glance-ext', discovery.show),
    Route('GET', '/v2/info/glance-ext/metrics', metrics.show, GET_METRICS),
    *(Route('GET', f'/v2/schemas/{name}', schemas.handler(name))
      for name in schemas.NAMES),
)


def pattern() -> re.Pattern[str]:
    """Return what the paths of the table match, and no others do.

    A tree by segments: whatever a path is, no part of it is looked at twice.
    """
    tree: dict[str, Any] = {}
    for route in ROUTES:
        node = tree
        for segment in route.path.split('/')[1:]:
            node = node.setdefault(
                '[^/]+' if segment.startswith('{') else re.escape(segment), {})
        node[''] = {}
    return re.compile(_branches(tree))


def _branches(tree: dict[str, Any]) -> str:
    found = [f'/{segment}{_branches(below)}' if segment else ''
             for segment, below in sorted(tree.items(), reverse=True)]
    return f'(?:{"|".join(found)})' if len(found) > 1 else ''.join(found)


def methods() -> dict[str, dict[str, Callable[..., Answer]]]:
    """Return ``{path: {method: handler}}``."""
    table: dict[str, dict[str, Callable[..., Answer]]] = {}
    for route in ROUTES:
        table.setdefault(route.path, {})[route.method] = route.handler
    return table


def mapper() -> routes.Mapper:
    """Return a mapper that gives the path of the table as ``route``."""
    made = routes.Mapper()
    for path in methods():
        made.connect(None, path, route=path)
    return made
