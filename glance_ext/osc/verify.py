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

"""``openstack image verify``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from glance_ext import client
from glance_ext.osc import batch
from glance_ext.osc import stores


class VerifyImage(batch.BatchCommand):
    """Read the copies of images back and compare them with the hash.

    The exit status is 1 if a copy is bad, or was and could not be repaired.
    """

    results = ('stores',)
    plans = ('stores', 'size')
    requires = ('verify', 'action_types')
    status = 'in:active,deactivated'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        stores.add_stores(parser, 'Store whose copy is read (default: all)')
        parser.add_argument(
            '--repair',
            action='store_true',
            help='Replace bad copies from a good one',
        )
        return parser

    def start(
        self,
        cloud: client.Client,
        image: client.Image,
        parsed_args: argparse.Namespace,
    ) -> client.Action:
        return cloud.verify(image.id, parsed_args.stores, parsed_args.repair)

    def plan(
        self,
        cloud: client.Client,
        image: client.Image,
        parsed_args: argparse.Namespace,
    ) -> Mapping[str, Any]:
        message = 'The server would be asked to read these copies.'
        if not image.os_hash_value:
            message = 'It has no hash to compare with.'
        return {
            'stores': list(parsed_args.stores or image.stores),
            'size': image.size,
            'message': message,
        }
