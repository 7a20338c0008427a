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
"""Glance's own import plugins, run on a file in staging.

They get what Glance gives them, but for the objects through which they
change the image: these write what was changed, and nothing else of it.
"""

import pathlib
from types import TracebackType
from typing import Any

from glance.async_.flows import api_image_import
from glance.async_.flows import plugins
from oslo_config import cfg
from oslo_log import log as logging
from taskflow import task
import taskflow.engines
from taskflow.patterns import linear_flow

from glance_ext import errors
from glance_ext.host import contexts
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import properties

LOG = logging.getLogger(__name__)

_ATTRIBUTES = 'size', 'virtual_size', 'disk_format', 'container_format'


def names() -> list[str]:
    """Return the plugins of ``image_import_plugins`` that do something."""
    return [name for name in cfg.CONF.image_import_opts.image_import_plugins
            if name != 'no_op']


def run(file: pathlib.Path, image_id: str, task_id: str,
        context: contexts.Context, stores: list[str],
        import_req: dict[str, Any]) -> pathlib.Path:
    """Run the plugins on a staged file, alone in its directory.

    :param import_req: the request, as Glance's plugins get it
    :returns: what is to be stored
    :raises errors.ConversionFailed: a plugin failed
    """
    repo = _Repo(context, image_id)
    known = {
        'task_id': task_id, 'task_type': 'api_image_import',
        'task_repo': None, 'image_id': image_id, 'image_repo': repo,
        'admin_repo': None, 'import_req': import_req, 'context': context,
        'backend': stores, 'uri': f'file://{file}',
        'action_wrapper': _Wrapper(repo, image_id)}
    taken = _Take()
    flow = linear_flow.Flow('glance-ext').add(_Provide(f'file://{file}'))
    for each in plugins.get_import_plugins(**known):
        flow.add(each)
    try:
        taskflow.engines.run(flow.add(taken))
    except Exception as exc:
        said = str(exc).replace(str(file.parent), '').partition('\n')[0]
        cause = f'{type(exc).__name__}: {said[:200]}'
    else:
        return pathlib.Path(taken.path.removeprefix('file://'))
    raise errors.ConversionFailed(f'An import plugin failed: {cause}')


class _Provide(task.Task):
    default_provides = 'file_path'

    def __init__(self, path: str) -> None:
        super().__init__('provide')
        self._path = path

    def execute(self) -> str:
        return self._path


class _Take(task.Task):
    def __init__(self) -> None:
        super().__init__('take')
        self.path = ''

    def execute(self, file_path: str) -> None:
        self.path = file_path


class _Repo:
    """What a plugin reads and saves its image with."""

    def __init__(self, context: contexts.Context, image_id: str) -> None:
        self._context = context
        self._image_id = image_id
        self._before: tuple[dict[str, Any], dict[str, Any]] = ({}, {})

    def get(self, image_id: str) -> Any:
        image = images.seen_by(self._context, image_id)
        if image is None:
            raise errors.ImageDeleted('The image was deleted')
        self._before = _facts(image)
        return image

    def save(self, image: Any, from_state: str | None = None) -> None:
        self.write(image)

    def write(self, image: Any) -> None:
        """Write what is other now than when the image was read."""
        (before, was), (now, has) = self._before, _facts(image)
        changed = {name: value for name, value in now.items()
                   if value != before[name]}

        def work(connection: db.Connection) -> None:
            if changed:
                images.set_facts(connection, self._image_id, **changed)
            for name in was.keys() | has.keys():
                if name not in has:
                    properties.remove(connection, self._image_id, name)
                elif has[name] != was.get(name):
                    properties.write(connection, self._image_id, name,
                                     has[name])
        db.transaction(work)


class _Wrapper:
    """Takes the place of Glance's ``ImportActionWrapper``."""

    def __init__(self, repo: _Repo, image_id: str) -> None:
        self.image_id = image_id
        self._repo = repo
        self._image: Any = None

    def __enter__(self) -> Any:
        self._image = self._repo.get(self.image_id)
        return api_image_import._ImportActions(self._image)

    def __exit__(self, kind: type[BaseException] | None,
                 value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        if kind is None:
            self._repo.write(self._image)

    def assert_task_lock(self) -> None:
        """The action holds it, or its end is not written."""


def _facts(image: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the attributes and the properties that a plugin may change."""
    return ({name: getattr(image, name) for name in _ATTRIBUTES},
            {name: value for name, value in image.extra_properties.items()
             if not name.startswith('os_glance_')})
