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
"""Copy an image that exists into more stores.

The import method of the specification "Copy existing image in multiple
stores"; what the documentation calls differences is decided here.
"""

from collections.abc import Callable, Sequence
from typing import Any

from oslo_config import cfg

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.actions.run import Run
from glance_ext.host import copies
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import inspection
from glance_ext.host import policy
from glance_ext.plugins import claiming
from glance_ext.plugins import importing
from glance_ext.plugins import verdicts
from glance_ext.plugins.attempts import CHECKSUM
from glance_ext.plugins.attempts import Attempts
from glance_ext.stores import drivers
from glance_ext.stores import writing
from glance_ext.stores.reading import Copy


class CopyImage(importing.Method):
    """The plugin. Each copy is recorded as soon as it is whole."""

    name = 'copy-image'
    wanted = images.ACTIVE
    statuses = (images.ACTIVE,)
    #: As with Glance: a copy may begin as long as the project is not over.
    may_exceed = True

    def require(self, allowed: policy.ImagePolicy) -> None:
        allowed.copy_image()

    def keep(self, method: dict[str, Any]
             ) -> tuple[dict[str, Any], dict[str, str]]:
        return {}, {}

    def is_staged(self) -> bool:
        return bool(cfg.CONF.glance_ext.copy_through_staging)

    def is_inspected(self, image: Any) -> bool:
        return inspection.is_signed(image)

    def prepare(self, connection: db.Connection, image_id: str) -> bool:
        return True

    def sources(self, run: Run, image: images.Image) -> Sequence[Copy]:
        new = run.action.spec['stores']
        return [Copy(location, run.context) for location in images.locations(
            image.id, drivers.default_store())
            if drivers.store_of(location) not in new]

    def recorded(self, run: Run, image: images.Image) -> dict[str, str]:
        return verdicts.recorded(image)

    def register(self, run: Run, written: writing.Written,
                 show: Callable[[db.Connection], bool]) -> bool:
        claim = claiming.to_record(run, written.size, 1)

        def work(connection: db.Connection) -> bool:
            claim.require(connection)
            return self.locate(connection, run, written) and show(connection)

        if not run.write(record.RECORDING, work):
            run.require_image()
            raise errors.ImageChanged(
                'The action lost the lock of the image')
        return True

    def finish(self, run: Run, image: images.Image, job: Attempts
               ) -> None:
        action, found = run.action, job.found
        algorithm = job.algorithm(image)
        done = sorted(job.kept)
        failed = [store for store in action.spec['stores']
                  if store not in done]
        action.result = {
            'image_id': image.id, 'size': image.size,
            'stores': done, 'failed_stores': failed}

        def work(connection: db.Connection) -> bool:
            copies.set_lists(connection, image.id, importing=[],
                             failed=failed)
            if found and image.os_hash_value is None:
                images.record_hash(
                    connection, image,
                    location_id=action.state['copies'][min(job.written)],
                    checksum=found[CHECKSUM], algorithm=algorithm,
                    value=found[algorithm], task_id=action.id)
            return True

        run.succeed(f'Copied to {", ".join(done)}' + (
            f'; not to {", ".join(failed)}' if failed else ''), work)
