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
change the image: these write what was changed, and nothing else of it. In the
place of ``image_conversion``, which has qemu-img read data that nobody
trusts, there is our own conversion.
"""

from collections.abc import Callable
import logging
import pathlib
from types import TracebackType
from typing import Any

from glance.async_.flows import api_image_import
from oslo_config import cfg
from stevedore import named
from taskflow import task
import taskflow.engines
from taskflow.patterns import linear_flow

from glance_ext import errors
from glance_ext.host import contexts
from glance_ext.host import conversion
from glance_ext.host import database as db
from glance_ext.host import formats
from glance_ext.host import images
from glance_ext.host import properties

LOG = logging.getLogger(__name__)

_NAMESPACE = 'glance.image_import.plugins'
_CONVERSION = 'image_conversion'
_ISO = 'iso'
_ATTRIBUTES = 'size', 'virtual_size', 'disk_format', 'container_format'


def names() -> list[str]:
    """Return the plugins of ``image_import_plugins`` that do something."""
    return [name for name in cfg.CONF.image_import_opts.image_import_plugins
            if name != 'no_op']


class Changes:
    """What plugins have changed of an image, to be written at its end."""

    def __init__(self) -> None:
        self._facts: dict[str, Any] = {}
        #: None takes a property away.
        self._properties: dict[str, str | None] = {}

    def note(self, before: Any, after: Any) -> None:
        """Note in what Glance's image object ``after`` differs."""
        (facts, properties_), (now, has) = _facts(before), _facts(after)
        self._facts.update((name, value) for name, value in now.items()
                           if value != facts[name])
        self._properties.update(
            (name, has.get(name)) for name in properties_.keys() | has.keys()
            if properties_.get(name) != has.get(name))

    def make(self, image: Any) -> None:
        """Change Glance's image object accordingly."""
        for name, value in self._facts.items():
            setattr(image, name, value)
        for name, text in self._properties.items():
            if text is None:
                image.extra_properties.pop(name, None)
            else:
                image.extra_properties[name] = text

    def write(self, connection: db.Connection, image_id: str) -> None:
        """Write them, and nothing else, while the image is imported."""
        if self._facts:
            images.set_facts(connection, image_id, **self._facts)
        for name, text in self._properties.items():
            if text is None:
                properties.remove(connection, image_id, name)
            else:
                properties.write(connection, image_id, name, text)


def run(file: pathlib.Path, changes: Changes, image_id: str, task_id: str,
        context: contexts.Context, stores: list[str],
        import_req: dict[str, Any], most: int,
        sleep: Callable[[float], None]) -> pathlib.Path:
    """Run the plugins on a staged file, alone in its directory.

    :param changes: takes what they change of the image
    :param import_req: the request, as Glance's plugins get it
    :param most: bytes that the image may have
    :param sleep: waits, and raises what the work has to end for
    :returns: what is to be stored
    :raises errors.ConversionFailed: a plugin failed
    :raises errors.ActionError: what :func:`conversion.convert` raises
    """
    repo = _Repo(context, changes)
    known = {
        'task_id': task_id, 'task_type': 'api_image_import',
        'task_repo': None, 'image_id': image_id, 'image_repo': repo,
        'admin_repo': None, 'import_req': import_req, 'context': context,
        'backend': stores, 'uri': f'file://{file}',
        'action_wrapper': _Wrapper(repo, image_id)}
    taken = _Take()
    flow = linear_flow.Flow('glance-ext').add(_Provide(f'file://{file}'))
    try:
        found: Any = named.NamedExtensionManager(
            _NAMESPACE, names(), name_order=True)
        for each in found:
            flow.add(_Convert(repo, image_id, context, most, sleep)
                     if each.name == _CONVERSION else each.plugin(**known))
        taskflow.engines.run(flow.add(taken))
    except errors.ActionError:
        raise
    except cfg.Error as exc:
        LOG.error('An option that an import plugin reads is broken: %s', exc)
        cause = 'an option of this host is broken'
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


class _Convert(task.Task):
    """Does what Glance's plugin does, and says the same of the image."""

    default_provides = 'file_path'

    def __init__(self, repo: '_Repo', image_id: str,
                 context: contexts.Context, most: int,
                 sleep: Callable[[float], None]) -> None:
        super().__init__(_CONVERSION)
        self._context = context
        self._wrapper = _Wrapper(repo, image_id)
        self._most = most
        self._sleep = sleep

    def execute(self, file_path: str) -> str:
        source = pathlib.Path(file_path.removeprefix('file://'))
        wanted = conversion.wanted_format()
        with self._wrapper as action:
            given = action.image_disk_format
            if given == _ISO:
                conversion.require_format(source, _ISO)
                formats.require_safe(source)
                return file_path
            made = source.with_name(f'{source.name}.{wanted}')
            with conversion.opened(source, given, self._context,
                                   self._sleep) as disk:
                action.set_image_attribute(virtual_size=disk.virtual_size)
                if given == wanted:
                    return file_path
                disk.write(made, wanted, self._most, disk.size_as(wanted))
            action.set_image_attribute(
                disk_format=wanted, container_format='bare',
                size=made.stat().st_size)
        source.unlink()
        return f'file://{made}'


class _Repo:
    """What a plugin reads and saves its image with."""

    def __init__(self, context: contexts.Context, changes: Changes) -> None:
        self._context = context
        self._changes = changes

    def get(self, image_id: str) -> Any:
        image = images.seen_by(self._context, image_id)
        if image is None:
            raise errors.ImageDeleted('The image was deleted')
        self._changes.make(image)
        return image

    def save(self, image: Any, from_state: str | None = None) -> None:
        self.note(image)

    def note(self, image: Any) -> None:
        """Note what is other in the image than in its row."""
        before = images.seen_by(self._context, image.image_id)
        if before is None:
            raise errors.ImageDeleted('The image was deleted')
        self._changes.note(before, image)


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
            self._repo.note(self._image)

    def assert_task_lock(self) -> None:
        """The action holds it, or its end is not written."""


def _facts(image: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the attributes and the properties that a plugin may change."""
    extra = image.extra_properties
    # Its items() are empty, whatever is in it.
    return ({name: getattr(image, name) for name in _ATTRIBUTES},
            {name: extra[name] for name in extra.keys()
             if not name.startswith('os_glance_')})
