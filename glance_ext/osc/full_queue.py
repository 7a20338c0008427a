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

"""Waiting where as many actions of a project wait as may."""

from __future__ import annotations

import argparse
from collections.abc import Callable
import logging
import time
from typing import TypeVar

from glance_ext import client
from glance_ext.osc import progress

LOG = logging.getLogger(__name__)

_T = TypeVar('_T')


def wait(
    start: Callable[[argparse.Namespace], _T],
    parsed_args: argparse.Namespace,
    display: progress.Display,
) -> _T:
    """Return what ``start(parsed_args)`` does, once the server accepts it.

    :param display: closed before it is told that the server is waited for,
        which is only with ``--wait`` or ``--parallel``
    :raises ClientError: what ``start`` raised
    """
    waits = parsed_args.wait or parsed_args.parallel
    while True:
        try:
            return start(parsed_args)
        except client.Refused as error:
            if error.status != 413 or not error.retry_after or not waits:
                raise
            display.close()
            LOG.warning(
                '%s Retrying in %s s.', error.words, error.retry_after
            )
            time.sleep(error.retry_after)
