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
"""``GET /v2/info/glance-ext/metrics``: for Prometheus to collect."""

import webob.exc

from glance_ext.actions import metrics
from glance_ext.host import policy
from glance_ext.host import wsgi
from glance_ext.host.wsgi import Answer
from glance_ext.policies.metrics import GET_METRICS


def show(request: wsgi.Request) -> Answer:
    """Show the metrics, as text. 501 without ``prometheus_client``."""
    context = request.context
    if not policy.allows(context, GET_METRICS, context.project_id or ''):
        raise webob.exc.HTTPForbidden()
    try:
        return Answer(metrics.text(), content_type=metrics.CONTENT_TYPE)
    except metrics.Absent as exc:
        raise webob.exc.HTTPNotImplemented(
            explanation='Metrics need the Python package prometheus_client '
                        'beside Glance.') from exc
