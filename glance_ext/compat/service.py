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


"""Which image service to use: the version is decided here, once."""

from typing import Any

from oslo_config import cfg
from oslo_log import log
from oslo_log import versionutils

from glance_ext.compat import options
from glance_ext.compat import servers
from glance_ext.compat import service_v2

LOG: Any = log.getLogger(__name__)


def get_default_image_service(conf: cfg.ConfigOpts = cfg.CONF) -> Any:
    """Return the service for the configured servers."""
    return _service(None, conf)


def get_remote_image_service(
    context: Any, image_href: str, conf: cfg.ConfigOpts = cfg.CONF
) -> tuple[Any, str]:
    """Return the service for an image and the image's id.

    :param image_href: an id, or a URL such as
        ``http://example.com:9292/v2/images/ID``. The caller's token is sent
        there.
    :raises InvalidImageRef: it is neither
    """
    endpoint, image_id = servers.parse_reference(str(image_href))
    return _service(endpoint, conf), image_id


def _service(endpoint: str | None, conf: cfg.ConfigOpts) -> Any:
    """Decide on the version of the API, for all that the service does."""
    through = servers.Servers(endpoint, conf)
    if conf[options.GROUP].use_glance_v1:
        versionutils.report_deprecated_feature(
            LOG,
            '[glance] use_glance_v1: version 1 of the Image API is deprecated '
            'and has been removed from Glance',
        )
        # Here alone is v1 looked for, so that it can be deleted.
        from glance_ext.compat.v1 import service as service_v1

        return service_v1.GlanceImageService(through)
    return service_v2.GlanceImageServiceV2(through)
