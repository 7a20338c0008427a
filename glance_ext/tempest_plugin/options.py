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

"""What tempest.conf can say about the extension."""

from oslo_config import cfg

SERVICE_AVAILABLE = [
    cfg.BoolOpt(
        'glance_ext',
        default=True,
        help='Whether Glance is expected to run with the extension. Where '
             'it does not, the tests are skipped all the same: they ask it '
             'first.'),
]

GROUP = cfg.OptGroup('glance_ext', title='Extension of the image service')

OPTIONS = [
    cfg.IntOpt(
        'build_timeout',
        default=120, min=1,
        help='Seconds that an action on an image of a few MiB may take.'),
    cfg.FloatOpt(
        'build_interval',
        default=0.5, min=0.05,
        help='Seconds between two looks at an action.'),
    cfg.URIOpt(
        'slow_image',
        schemes=['http', 'https'],
        help='URL of an image that takes at least ten seconds to fetch, and '
             'that Glance may fetch. Without it no running action is '
             'cancelled.'),
    cfg.URIOpt(
        'export_prefix',
        schemes=['http', 'https'],
        help='Where exports may be PUT: a name is appended to it. What was '
             'put there can be fetched with GET. Without it nothing is '
             'exported.'),
    cfg.StrOpt(
        'image_without_hash',
        help='Id of an active image that has no hash and that an '
             'administrator sees. It gets one. Without it only images that '
             'have a hash are hashed, again.'),
]
