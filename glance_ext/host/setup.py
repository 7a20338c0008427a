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
"""Glance set up in a process of our own, without its API.

What ``glance.common.wsgi_app.init_app`` does for a server, short of the
pipeline: options, logs, the kind of threads, and the stores.
"""

from collections.abc import Sequence
import contextlib
import io
import logging as std_logging
import os
from pathlib import Path
import sys

from glance import async_
from glance import housekeeping
from glance import notifier
from glance.api import common
from glance.common import config
from glance.common import wsgi_app
import glance_store
from oslo_config import cfg
from oslo_db import options as db_options
from oslo_log import log as logging

import glance_ext
from glance_ext import conf
from glance_ext.host import release

_DIRECTORY = 'OS_GLANCE_CONFIG_DIR'
_FILES = 'glance-image-import.conf', 'glance-api.conf'
#: Enough for any ``max_running_actions``.
_MOST_THREADS = 1026


class Unusable(Exception):
    """Glance's configuration cannot be read, or is not what it needs."""


def read_options(arguments: Sequence[str] = (), *, program: str,
                 usage: str | None = None, is_service: bool = False) -> None:
    """Read Glance's options and ours, from where Glance reads them.

    That is the directory which the environment names in
    ``OS_GLANCE_CONFIG_DIR``, or ``/etc/glance``.

    :param arguments: ``--config-file`` and ``--config-dir``, instead, and
        whatever else ``cfg.CONF`` was told to know
    :param program: name of the command, for errors and ``--version``
    :param is_service: whether Glance's own log lines belong on the console
        where no log file is configured
    :raises Unusable: a file cannot be read, an option has a bad value, or
        no database is configured
    """
    config.set_config_defaults()
    where = Path(os.environ.get(_DIRECTORY, '/etc/glance').strip())
    found = [str(where / name) for name in _FILES
             if (where / name).is_file()]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            cfg.CONF(
                list(arguments), project='glance', prog=program,
                version=f'{program} {glance_ext.__version__}', usage=usage,
                default_config_files=found,
                # Those of the API, whatever the command is called.
                default_config_dirs=cfg.find_config_dirs(
                    'glance', 'glance-api'))
        release.register_missing_opts(cfg.CONF)
        conf.register_opts(cfg.CONF)
    except (cfg.Error, ValueError) as exc:
        raise Unusable(str(exc)) from exc
    except OSError as exc:
        raise Unusable(f'The configuration cannot be read: {exc}') from exc
    except SystemExit as exc:
        # So oslo.config tells of a bad value in a file; 2 is wrong usage.
        if exc.code == 1:
            raise Unusable(said.getvalue().strip()) from exc
        sys.stderr.write(said.getvalue())
        raise
    db_options.set_defaults(cfg.CONF)
    if not cfg.CONF.database.connection:
        raise Unusable(
            f"Glance's configuration names no database ([database] "
            f"connection). Files read: "
            f"{', '.join(cfg.CONF.config_file or []) or 'none'}. "
            f"Use --config-file or {_DIRECTORY}.")
    _set_up_logs(is_service)
    notifier.set_defaults()


def _set_up_logs(is_service: bool) -> None:
    """Set the logs up as Glance does, but keep them off standard output.

    oslo.log writes there where no other place is configured. Scripts read
    the output of a command, and cron mails what a command writes: a command
    that is no service writes only the extension's own warnings, unless
    ``debug`` is set.
    """
    options = cfg.CONF
    if options.log_file or options.log_dir or options.use_syslog or (
            options.use_journal):
        logging.setup(options, 'glance')
        return
    options.set_override('use_stderr', True)
    logging.setup(options, 'glance')
    if is_service or options.debug:
        return
    for handler in std_logging.getLogger().handlers:
        handler.addFilter(_is_warning_of_ours)


def _is_warning_of_ours(record: std_logging.LogRecord) -> bool:
    return (record.levelno >= std_logging.WARNING
            and record.name.startswith('glance_ext'))


def prepare_actions(threads: int = 0) -> None:
    """Make this process able to run actions, after :func:`read_options`.

    :param threads: how many actions run at once, if not as many as
        ``max_running_actions`` says
    :raises Unusable: a store is not configured as its driver wants it
    """
    conf_ = cfg.CONF
    if threads:
        conf_.set_override('max_running_actions', threads, 'glance_ext')
        # Whoever runs this process decides what runs in it.
        conf_.set_override('max_running_actions_per_project', 0,
                           'glance_ext')
    # Nobody else needs threads here; they are made when they are needed.
    conf_.set_override('task_pool_threads', _MOST_THREADS, 'wsgi')
    async_.set_threadpool_model('native')
    common.DEFAULT_POOL_SIZE = conf_.wsgi.task_pool_threads
    try:
        create_stores()
    except Exception as exc:
        raise Unusable(f'{type(exc).__name__}: the stores cannot be set '
                       f'up') from exc


def create_stores() -> None:
    """Set the stores up as Glance does when it starts."""
    conf_ = cfg.CONF
    if conf_.enabled_backends:
        reserved = wsgi_app.RESERVED_STORES
        glance_store.register_store_opts(conf_, reserved_stores=reserved)
        glance_store.create_multi_stores(conf_, reserved_stores=reserved)
        glance_store.verify_store()
    else:
        glance_store.register_opts(conf_)
        glance_store.create_stores(conf_)
        glance_store.verify_default_store()


def staging() -> Path:
    """Return the directory in which this host stages data.

    :raises glance.common.exception.GlanceException: it is no directory
    """
    return Path(housekeeping.staging_store_path())
