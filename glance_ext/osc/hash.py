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

"""``openstack image hash calculate``."""

import argparse

from glance_ext import client
from glance_ext.osc import actions


class CalculateHash(actions.ActionCommand):
    """Calculate and record the hash of images that have none"""

    results = ('os_hash_algo', 'os_hash_value', 'checksum')

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--algorithm',
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

    def start(
        self,
        cloud: client.Client,
        image: client.Image,
        parsed_args: argparse.Namespace,
    ) -> client.Action:
        return cloud.calculate_hash(
            image.id, parsed_args.algorithm, parsed_args.rehash
        )
