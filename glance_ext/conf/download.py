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
"""Options of connections to servers elsewhere: downloads and exports."""

from oslo_config import cfg

OPTS = [
    cfg.IntOpt(
        'download_connections',
        default=4, min=1, max=16,
        help="""
Over how many connections one file is downloaded at the same time. It helps
where a server limits each connection, and takes 4 MiB of memory for each, and
another 8 MiB. One connection is used, whatever this says, where a server does
not answer the first request with a range and a strong ETag, and by the
eventlet server.
"""),
    cfg.IntOpt(
        'download_timeout',
        default=86400, min=10, max=2592000,
        help="""
After how many seconds a download fails that has not ended, with its retries
and however well it goes. A low value protects from servers that trickle; a
large image over a slow link needs a high one.
"""),
    cfg.IntOpt(
        'export_timeout',
        default=86400, min=10, max=2592000,
        help="""
Maximum duration of an export in seconds, from the start of its first attempt
in a process, with all retries and the conversion. An export that takes longer
fails, and frees its place for the next action.

Related options:

* ``download_read_timeout``: the slowest rate that a target is waited for.
"""),
    cfg.IntOpt(
        'download_connect_timeout',
        default=30, min=1, max=600,
        help="""
How many seconds a server, or the proxy, has to accept a connection, and as
many again for TLS. The next address of the server, and then another attempt,
follow.
"""),
    cfg.IntOpt(
        'download_read_timeout',
        default=60, min=1, max=3600,
        help="""
How many seconds a server may be waited for until another 64 KiB, or all that
is left, have come or were taken. A server that is slower counts as stalled,
and another attempt follows. With the default, that is less than 1092 bytes a
second. The same rate holds for the servers that data is downloaded from and
for the targets of exports. A server that has to fetch the file from a tape
first needs more.
"""),
    cfg.StrOpt(
        'download_proxy',
        secret=True,
        help="""
The HTTP proxy that downloads and exports go through, for ``http`` and for
``https`` (with CONNECT); without it they connect themselves. The variables
``http_proxy`` and ``https_proxy`` of the environment are not looked at. The
proxy is handed the address that was checked, and not the name of the server:
it has to let addresses through.

Possible values:

* ``http://[user:password@]host[:port]``
"""),
    cfg.StrOpt(
        'download_ca_file',
        help="""
A file of certificates, in PEM, that are trusted when a server is connected to
with TLS. Without it, those of the system are. Certificates are always
verified.
"""),
    cfg.BoolOpt(
        'deny_private_networks',
        default=False,
        help="""
Whether downloads from private addresses are refused, unless the host is in
``[import_filtering_opts] allowed_hosts``: 10.0.0.0/8, 172.16.0.0/12,
192.168.0.0/16, 100.64.0.0/10 and fc00::/7. False lets users reach what the
API nodes reach there. Loopback, link-local, multicast, reserved and metadata
addresses are refused whatever this says, and exports go to a private one only
if its host is in ``export_allowed_hosts``.
"""),
    cfg.ListOpt(
        'export_allowed_hosts',
        default=[],
        help="""
Host names and addresses that exports may go to, whatever address they have.
With an entry, exports go to no other host. Without any, they go to each host
that ``[import_filtering_opts]`` lets through and that has a public address
only: ``[import_filtering_opts] allowed_hosts`` never lets an export reach a
private, loopback, link-local or metadata address.
"""),
]
