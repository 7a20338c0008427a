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

"""The calls of the extension, a method each.

Answers are Tempest's ``ResponseBody``; what is refused raises the exception
that ``tempest.lib.exceptions`` has for the status.
"""

import json
from typing import Any
import urllib.parse

from tempest.lib.common import rest_client


class GlanceExtClient(rest_client.RestClient):
    """One user's calls to the image endpoint of the catalog."""

    api_version = 'v2'

    def show_info(self) -> Any:
        return self._get('info/glance-ext')

    def show_schema(self, name: str) -> Any:
        return self._get(f'schemas/{name}')

    def calculate_hash(self, image_id: str, **body: Any) -> Any:
        return self._post(f'images/{image_id}/hash', body, 202)

    def verify_image(self, image_id: str, **body: Any) -> Any:
        return self._post(f'images/{image_id}/verify', body, 202)

    def import_image(self, image_id: str, name: str, *,
                     method: dict[str, Any] | None = None,
                     **body: Any) -> Any:
        """Begin an import by the method ``name``, or ask for its plan."""
        body['method'] = {'name': name, **(method or {})}
        return self._post(f'images/{image_id}/import', body,
                          200 if body.get('dry_run') else 202)

    def export_image(self, image_id: str, **body: Any) -> Any:
        return self._create(f'images/{image_id}/export', body, {})

    def create_import(self, *, key: str = '', **body: Any) -> Any:
        """Begin an image import; ``key`` is its ``Idempotency-Key``."""
        headers = {'Idempotency-Key': key} if key else {}
        return self._create('image-imports', body, headers)

    def upload_import(self, import_id: str, data: bytes) -> Any:
        response, _ = self.put(
            f'image-imports/{import_id}/file', data,
            {**self.get_headers(),
             'Content-Type': 'application/octet-stream'})
        self.expected_success(204, response.status)
        return rest_client.ResponseBody(response)

    # What the three resources have in common. ``kind`` is image-actions,
    # image-imports or image-exports.

    def list_resources(self, kind: str, **filters: Any) -> Any:
        query = urllib.parse.urlencode(filters)
        return self._get(f'{kind}?{query}' if query else kind)

    def show_resource(self, kind: str, resource_id: str) -> Any:
        return self._get(f'{kind}/{resource_id}')

    def cancel_resource(self, kind: str, resource_id: str) -> Any:
        response, _ = self.delete(f'{kind}/{resource_id}')
        self.expected_success(204, response.status)
        return rest_client.ResponseBody(response)

    def _get(self, path: str) -> Any:
        response, body = self.get(path)
        self.expected_success(200, response.status)
        return rest_client.ResponseBody(response, json.loads(body))

    def _create(self, path: str, body: dict[str, Any],
                headers: dict[str, str]) -> Any:
        """Return the ``id`` in the address that is the whole answer."""
        answer = self._post(path, body, 201, headers)
        location: str = answer.response['location']
        return rest_client.ResponseBody(
            answer.response, {'id': location.rpartition('/')[2]})

    def _post(self, path: str, body: dict[str, Any], status: int,
              headers: dict[str, str] | None = None) -> Any:
        response, answer = self.post(
            path, json.dumps(body),
            {**self.get_headers(), **(headers or {})})
        self.expected_success(status, response.status)
        return rest_client.ResponseBody(
            response, json.loads(answer) if answer else {})
