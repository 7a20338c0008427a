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
"""Options of the ids of images."""

from oslo_config import cfg

OPTS = [
    cfg.BoolOpt(
        'image_id_reuse_guard',
        default=False,
        help="""
Refuse to create an image with an id that was used before.

A caller may choose the id of a new image. If an image with that id was purged
from the database, whatever still refers to it would get the new image's data:
see OSSN-0075. With this option, ``POST /v2/images`` answers 409 if anything is
left of the id: a task, a property of another image (such as the
``base_image_ref`` of a snapshot), a location, a cached image, or an object in
one of the stores. A store that does not answer makes it 503.

Possible values:

* True: each request that names an id costs a scan of three tables and one
  question to each store. Other requests cost nothing.
* False (the default): Glance only refuses ids that are in its table.
"""),
]
