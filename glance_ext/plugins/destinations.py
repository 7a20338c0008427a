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
"""Where this host lets its users have it connect to."""

from oslo_config import cfg

from glance_ext.transfer.destinations import Rules


def rules(exporting: bool = False) -> Rules:
    """Return Glance's ``[import_filtering_opts]``, and what we add to them.

    :param exporting: the rules are for a target and not for a source. What
        is trusted to be read from is not trusted to be written to: the
        address of a target is judged unless ``export_allowed_hosts`` has it
    """
    options = cfg.CONF.import_filtering_opts
    targets = cfg.CONF.glance_ext.export_allowed_hosts if exporting else []
    return Rules(
        allowed_schemes=options.allowed_schemes,
        disallowed_schemes=options.disallowed_schemes,
        allowed_hosts=targets or options.allowed_hosts,
        trusted_hosts=targets if exporting else None,
        disallowed_hosts=options.disallowed_hosts,
        allowed_ports=options.allowed_ports,
        disallowed_ports=options.disallowed_ports,
        deny_private=exporting or cfg.CONF.glance_ext.deny_private_networks)
