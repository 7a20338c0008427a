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
"""``glance-ext-status upgrade check``: is everything in order?

Exit status as of every tool of ``oslo.upgradecheck``. 0: all is well. 1: a
warning. 2: something will not work. 255: the check itself failed.
"""

from collections.abc import Sequence
from pathlib import Path
import sys
from typing import Any
import warnings

from glance_ext.cmd import paste_ini
from glance_ext.cmd import server

_PROGRAM = 'glance-ext-status'


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks and return the exit status."""
    if not sys.warnoptions:
        warnings.simplefilter('ignore')
    from oslo_config import cfg
    from oslo_upgradecheck import upgradecheck

    from glance_ext.host import supported

    if arguments is None:
        arguments = sys.argv[1:]
    try:
        supported.check()
        from glance_ext.host import setup
        from glance_ext.upkeep import checks
    except (supported.UnsupportedHost, ImportError) as error:
        server.say(str(error), _PROGRAM)
        return 255
    codes = {
        checks.GOOD: upgradecheck.Code.SUCCESS,
        checks.WARNING: upgradecheck.Code.WARNING,
        checks.BAD: upgradecheck.Code.FAILURE,
    }

    def run(commands: Any, check: Any) -> Any:
        found = check()
        return upgradecheck.Result(codes[found.verdict], found.details)

    every = [*checks.CHECKS]
    every.insert(1, ('Filter in the pipeline', _pipeline))

    class Checks(upgradecheck.UpgradeCommands):
        _upgrade_checks = tuple(
            (name, (run, {'check': check})) for name, check in every
        )

    upgradecheck.register_cli_options(cfg.CONF, Checks())
    try:
        setup.read_options(
            arguments,
            program=_PROGRAM,
            usage=f'{_PROGRAM} [--config-file FILE] upgrade check [--json]',
        )
        server.require_database()
        setup.prepare_actions()
    except setup.Unusable as error:
        server.say(str(error), _PROGRAM)
        return 255
    # Where the library looks for --json.
    upgradecheck.CONF = cfg.CONF
    return server.run(_PROGRAM, cfg.CONF.command.action_fn, failed=255)


def _pipeline() -> Any:
    """See that the filter is where it belongs, in the served flavour."""
    from oslo_config import cfg

    from glance_ext.upkeep.checks import BAD
    from glance_ext.upkeep.checks import GOOD
    from glance_ext.upkeep.checks import Finding

    name = cfg.CONF.paste_deploy.config_file or 'glance-api-paste.ini'
    path = cfg.CONF.find_file(name)
    if path is None:
        return Finding(BAD, f'{name} is not found')
    flavour = cfg.CONF.paste_deploy.flavor or ''
    text = Path(path).read_text('utf-8', 'surrogateescape')
    try:
        found = paste_ini.pipelines(text)
    except paste_ini.PasteError as error:
        return Finding(BAD, f'{path}: {error}')
    for each in found:
        if each.flavour != flavour:
            continue
        if not each.ours:
            return Finding(
                BAD, f'{path}: {each} has no glance_ext: see '
                'glance-ext-manage enable'
            )
        if each.context is None or each.ours != [each.context + 1]:
            return Finding(
                BAD, f'{path}: in {each} glance_ext has to stand right '
                'after the context: see glance-ext-manage enable'
            )
        return Finding(GOOD)
    return Finding(BAD, f'{path}: no pipeline for the flavour {flavour!r}')


if __name__ == '__main__':
    sys.exit(main())
