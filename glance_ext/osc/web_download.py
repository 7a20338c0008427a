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

"""``openstack image web-download``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from glance_ext import client
from glance_ext.osc import batch
from glance_ext.osc import digest
from glance_ext.osc import stores


class WebDownload(batch.BatchCommand):
    """Fetch the data of an image that has none yet.

    The image becomes active only if its data is what is expected.
    """

    results = ('stores',)
    plans = stores.PLAN
    requires = ('web-download', 'import_methods')

    def add_images(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            'images',
            metavar='<image>',
            nargs=1,
            help='Image (name or ID)',
        )
        parser.add_argument(
            '--uri',
            metavar='<uri>',
            required=True,
            help='Where the data lies',
        )
        digest.add_arguments(parser)
        stores.add_targets(parser, required=False)

    def check(self, parsed_args: argparse.Namespace) -> None:
        if problem := digest.problem(parsed_args):
            self.misused(problem)

    def start(
        self,
        cloud: client.Client,
        image: client.Image,
        parsed_args: argparse.Namespace,
    ) -> client.Action:
        return cloud.web_download(image.id, **_what(parsed_args))

    def plan(
        self,
        cloud: client.Client,
        image: client.Image,
        parsed_args: argparse.Namespace,
    ) -> Mapping[str, Any]:
        return cloud.plan_web_download(image.id, **_what(parsed_args))


def _what(parsed_args: argparse.Namespace) -> dict[str, Any]:
    return {
        'uri': parsed_args.uri,
        'digest': digest.expected(parsed_args),
        'stores': parsed_args.stores,
        'all_stores': parsed_args.all_stores,
        'allow_failure': parsed_args.allow_failure,
    }
