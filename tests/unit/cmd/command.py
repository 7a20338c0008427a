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
"""Commands of ``glance-ext-manage``, without a Glance to set up."""

import contextlib
import io
import threading
from typing import Any
import unittest
from unittest import mock

from oslo_config import cfg
from oslo_config import fixture

from glance_ext import conf
from glance_ext.cmd import manage
from glance_ext.cmd import server
from glance_ext.cmd import sweep


class CommandCase(unittest.TestCase):
    """``stopped`` is what a signal would set."""

    maxDiff = None

    def setUp(self) -> None:
        super().setUp()
        conf.register_opts(cfg.CONF)
        self.options = self.enterContext(fixture.Config(cfg.CONF))
        self.stopped = threading.Event()
        self.set_up = self.have(server, 'set_up', return_value=True)
        self.begin = self.have(sweep, 'begin', return_value=self.stopped)

    def have(self, module: Any, name: str, *new: Any, **how: Any) -> Any:
        return self.enterContext(
            mock.patch.object(module, name, *new, **how)
        )

    def manage(self, *arguments: str) -> tuple[int, str, str]:
        """Return the exit status, standard output and standard error."""
        output, errors = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
        ):
            status = manage.main(arguments)
        return status, output.getvalue(), errors.getvalue()
