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

"""``openstack image copy``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
import functools
from typing import Any

from glance_ext import client
from glance_ext.osc import batch
from glance_ext.osc import stores


class CopyImage(batch.BatchCommand):
    """Copy the data of images to more stores"""

    results = ('stores',)
    plans = stores.PLAN
    requires = ('copy-image', 'import_methods')
    missing = 'Images that are active and lack one of these copies'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        stores.add_targets(parser, required=True)
        parser.add_argument(
            '--move',
            action='store_true',
            help='Read the new copies back, and if they are good remove the '
            'image from all other stores; waits, for one image after the '
            'other',
        )
        return parser

    def check(self, parsed_args: argparse.Namespace) -> None:
        super().check(parsed_args)
        if not parsed_args.move:
            return
        if parsed_args.all_stores or parsed_args.allow_failure:
            self.misused(
                'argument --move: not allowed with --all-stores or '
                '--allow-failure'
            )
        if (parsed_args.parallel or 1) > 1:
            self.misused('argument --move: not allowed with --parallel')
        parsed_args.parallel = 1

    def lacks(
        self, image: client.Image, parsed_args: argparse.Namespace
    ) -> bool:
        return bool(self._wanted(parsed_args) - set(image.stores))

    def start(
        self,
        cloud: client.Client,
        image: client.Image,
        parsed_args: argparse.Namespace,
    ) -> client.Action | None:
        targets = self._targets(image, parsed_args)
        if parsed_args.move and not targets['stores']:
            return None
        return cloud.copy(image.id, **targets)

    def go_on(
        self,
        cloud: client.Client,
        job: batch.Job,
        parsed_args: argparse.Namespace,
    ) -> Iterator[client.Action]:
        if not (parsed_args.move and job.image and job.status == 'success'):
            return
        yield cloud.verify(job.image.id, parsed_args.stores)
        if job.status != 'success':
            return
        for store in cloud.find_image(job.image.id).stores:
            if store not in parsed_args.stores:
                cloud.remove_copy(job.image.id, store)

    def plan(
        self,
        cloud: client.Client,
        image: client.Image,
        parsed_args: argparse.Namespace,
    ) -> Mapping[str, Any]:
        targets = self._targets(image, parsed_args)
        if parsed_args.move and not targets['stores']:
            return {'message': 'It is in these stores already.'}
        return cloud.plan_copy(image.id, **targets)

    def _targets(
        self, image: client.Image, parsed_args: argparse.Namespace
    ) -> dict[str, Any]:
        wanted = parsed_args.stores
        if parsed_args.missing or parsed_args.move:
            wanted = [each for each in wanted if each not in image.stores]
        return {
            'stores': wanted,
            'all_stores': parsed_args.all_stores,
            'allow_failure': parsed_args.allow_failure,
        }

    def _wanted(self, parsed_args: argparse.Namespace) -> set[str]:
        if parsed_args.all_stores:
            return self._all_stores
        return set(parsed_args.stores)

    @functools.cached_property
    def _all_stores(self) -> set[str]:
        return set(self.cloud().stores())
