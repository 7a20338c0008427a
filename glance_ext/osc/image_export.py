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

"""``openstack image export create``, ``list``, ``show`` and ``delete``."""

from __future__ import annotations

import argparse

from glance_ext import client
from glance_ext.osc import requests


class _Exports(requests.Kind):
    def kind(self, cloud: client.Client) -> client.Exports:
        return cloud.exports


class CreateExport(_Exports, requests.CreateRequest):
    """Send the data of an image to where it is wanted.

    With --wait the exit status is 1 if that failed.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'image', metavar='<image>', help='Image (name or ID)'
        )
        parser.add_argument(
            '--location',
            metavar='<uri>',
            required=True,
            help='Where the data is PUT to, such as a presigned URL',
        )
        parser.add_argument(
            '--disk-format',
            metavar='<disk-format>',
            help='Convert the data to this format on the way',
        )
        return parser

    def create(
        self, cloud: client.Client, parsed_args: argparse.Namespace
    ) -> client.Request:
        cloud.require('export')
        return cloud.exports.create(
            cloud.find_image(parsed_args.image).id,
            parsed_args.location,
            parsed_args.disk_format,
            parsed_args.idempotency_key,
        )


class ListExports(_Exports, requests.ListRequests):
    """List the exports of images"""


class ShowExport(_Exports, requests.ShowRequest):
    """Show one export of an image"""


class DeleteExports(_Exports, requests.DeleteRequests):
    """Cancel exports of images"""
