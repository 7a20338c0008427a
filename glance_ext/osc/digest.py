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

"""What fetched data is expected to be."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that tell the digest, or where it can be read."""
    parser.add_argument(
        '--algorithm',
        '--os-hash-algo',
        metavar='<algorithm>',
        help='Hash algorithm of --digest, such as sha256',
    )
    parser.add_argument(
        '--digest',
        '--os-hash-value',
        metavar='<digest>',
        help='What the data is expected to hash to, in hexadecimal digits',
    )
    parser.add_argument(
        '--digest-uri',
        metavar='<uri>',
        help='Where a list of digests lies, such as SHA256SUMS, with the '
        'name of the file in it',
    )


def problem(parsed_args: argparse.Namespace) -> str | None:
    """Return what is wrong with the options, if anything."""
    if bool(parsed_args.algorithm) != bool(parsed_args.digest):
        return '--algorithm and --digest belong together'
    if parsed_args.digest and parsed_args.digest_uri:
        return 'either --digest or --digest-uri'
    return None


def expected(parsed_args: argparse.Namespace) -> dict[str, str]:
    """Return what the server is told, by its names."""
    told = {
        'os_hash_algo': parsed_args.algorithm,
        'os_hash_value': parsed_args.digest,
        'hash_uri': parsed_args.digest_uri,
    }
    return {name: value for name, value in told.items() if value}
