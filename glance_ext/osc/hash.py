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

"""``openstack image hash calculate`` and ``image hash report``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from glance_ext import client
from glance_ext.osc import batch
from glance_ext.osc import calling
from glance_ext.osc import selection


class CalculateHash(batch.BatchCommand):
    """Calculate and record the hash of images that have none"""

    results = ('os_hash_algo', 'os_hash_value', 'checksum')
    plans = ('os_hash_algo', 'size')
    missing = 'Images that are active and lack a hash'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--algorithm',
            '--os-hash-algo',
            metavar='<algorithm>',
            help='Hash algorithm, such as sha256 or sha512 (default: the one '
            'that the server is configured for)',
        )
        parser.add_argument(
            '--rehash',
            action='store_true',
            help='Also take images that have a hash: their data is compared '
            'with it, and the new one replaces it if the data is right',
        )
        return parser

    def lacks(
        self, image: client.Image, parsed_args: argparse.Namespace
    ) -> bool:
        return image.os_hash_value is None

    def start(
        self,
        cloud: client.Client,
        image: client.Image,
        parsed_args: argparse.Namespace,
    ) -> client.Action:
        return cloud.calculate_hash(
            image.id, parsed_args.algorithm, parsed_args.rehash
        )

    def plan(
        self,
        cloud: client.Client,
        image: client.Image,
        parsed_args: argparse.Namespace,
    ) -> Mapping[str, Any]:
        message = 'The server would be asked to read and hash it.'
        if image.status != 'active':
            message = f'It would be refused: it is {image.status}.'
        elif image.os_hash_value and not parsed_args.rehash:
            message = 'It would be refused: it has a hash.'
        return {
            'os_hash_algo': parsed_args.algorithm,
            'size': image.size,
            'message': message,
        }


class ReportHashes(calling.Lister):
    """Show how many images have a hash, and which lack one.

    Only active images count, since no other can be hashed.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        selection.add_arguments(
            parser, 'List the images that lack a hash, one in a row'
        )
        parser.add_argument(
            '--by-store',
            action='store_true',
            help='Count for each store; an image with two copies counts '
            'twice then',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        if problem := selection.problem(parsed_args, all_by_default=True):
            self.misused(problem)
        cloud = self.cloud()
        if parsed_args.images:
            images: Iterable[client.Image] = map(
                cloud.find_image, dict.fromkeys(parsed_args.images)
            )
        else:
            project = selection.project_id(
                self.app.client_manager, parsed_args.project
            )
            images = selection.images(cloud, parsed_args, project)
        active = (image for image in images if image.status == 'active')
        if parsed_args.missing:
            return _LACKING, map(_lacking, filter(_lacks, active))
        return _counts(active, parsed_args.by_store)


_LACKING = (
    'image_id',
    'image_name',
    'owner',
    'size',
    'checksum',
    'stores',
)


def _lacks(image: client.Image) -> bool:
    return image.os_hash_value is None


def _lacking(image: client.Image) -> Sequence[Any]:
    return (
        image.id,
        image.name,
        image.owner,
        image.size,
        image.checksum,
        ','.join(image.stores),
    )


def _counts(
    images: Iterable[client.Image], by_store: bool
) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
    """Count images and bytes by their algorithm; without one comes first."""
    counts: dict[tuple[str, str], list[int]] = {}
    for image in images:
        algorithm = image.os_hash_algo or '?'
        if image.os_hash_value is None:
            algorithm = ''
        for store in image.stores or ('',) if by_store else ('',):
            count = counts.setdefault((store, algorithm), [0, 0])
            count[0] += 1
            count[1] += image.size or 0
    rows = [
        (store or None, algorithm or None, *count)
        for (store, algorithm), count in sorted(counts.items())
    ]
    columns = ('store', 'os_hash_algo', 'images', 'bytes')
    if by_store:
        return columns, rows
    return columns[1:], [row[1:] for row in rows]
