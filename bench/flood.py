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
"""What the rows of one project cost that has very many of them, on MariaDB.

A list of 100 rows beside one of 100,000; and, each in a process of its own,
the sweep of a process, its metrics, and its beat where it holds actions that
wait. ``python -m bench.flood`` is that process. ``--mib`` says how many
thousand rows there are.
"""

from collections.abc import Callable, Iterator
import contextlib
import datetime
import gc
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from oslo_config import cfg

from bench import memory
from bench import options
from bench.turns import ratios
from bench.turns import row
from bench.turns import take_turns
from tests.harness import glance
from tests.harness import mariadb
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER

_TRUSTING = {'trust_actions_before': '2100-01-01T00:00:00Z'}
_FEW, _THOUSANDS = 100, 100
#: As long as an action lives after its end.
_LIFE = 2 * 24 * 3600
_HELD = 4000
_LISTS = {
    'own actions': (MEMBER, '/v2/image-actions'),
    'own, of another type': (MEMBER, '/v2/image-actions?action_type=verify'),
    'own imports': (MEMBER, '/v2/image-imports'),
    'all that ended well': (ADMIN, '/v2/image-actions?status=success'),
    'all that failed': (ADMIN, '/v2/image-actions?status=failure')}


def _glance(database: Any, venv: pathlib.Path) -> glance.Glance:
    # The rows are copies, which nobody has signed.
    return glance.Glance(database=database, venv=venv,
                         config={'glance_ext': _TRUSTING}).start()


def _fill(on: glance.Glance, count: int, status: str = '') -> None:
    """Have so many actions of MEMBER's project, copies of one that ended.

    :param status: of all of them; else each second one has failed
    """
    image = on.legacy(b'data', user=MEMBER, visibility='private')
    action = on.request('POST', f'/v2/images/{image}/hash', {}).json['id']
    on.wait_action(action)
    on.sql("update tasks set owner = 'project' where id = ?", (action,))
    key = "concat(lpad(hex(seq), 8, '0'), '-0000-4000-8000-000000000000')"
    numbers = f'seq_1_to_{count}'
    said = f"'{status}'" if status else (
        "if(seq % 2, 'success', 'failure')")
    # What waits is as fresh as somebody's beat makes it.
    age = ('interval -3600 second' if status
           else f'interval seq * {_LIFE // count or 1} second')
    expires = 'null' if status else f'date_sub(expires_at, {age})'
    result = ("replace(result, '\"phase\": \"ended\"', '\"phase\": "
              "\"queued\"')" if status else 'result')
    on.sql('insert into tasks (id, type, status, owner, image_id, '
           f'created_at, updated_at, expires_at, deleted) select {key}, '
           f'type, {said}, owner, image_id, date_sub(created_at, {age}), '
           f'date_sub(updated_at, {age}), {expires}, 0 from tasks, '
           f'{numbers} where id = ?', (action,))
    on.sql(f'insert into task_info (task_id, input, result, message) select '
           f'{key}, input, {result}, message from task_info, {numbers} '
           f'where task_id = ?', (action,))
    for table in ('tasks', 'task_info'):
        on.sql(f'analyze table {table}')


def _list(on: glance.Glance, user: Any, path: str) -> float:
    begun = time.perf_counter()
    answer = on.request('GET', path, user=user, timeout=300)
    assert answer.status == 200, answer.text
    return time.perf_counter() - begun


def _lists(few: glance.Glance, many: glance.Glance, rounds: int
           ) -> Iterator[dict[str, Any]]:
    for what, (user, path) in _LISTS.items():
        def get(on: glance.Glance, user: Any = user, path: str = path
                ) -> float:
            return _list(on, user, path)
        took = take_turns({'few': lambda get=get: get(few),
                           'many': lambda get=get: get(many)}, rounds + 1)
        few_, many_ = took['few'][1:], took['many'][1:]
        ms = [1000 * statistics.median(each) for each in (few_, many_)]
        yield row(f'list of {what}, beside {_FEW} rows',
                  ratios(many_, few_), 'times', most=3,
                  ideal=f'{ms[0]:.0f} and {ms[1]:.0f} ms')


def _processes(url: str, case: str, what: str, rounds: int,
               most: tuple[float, float] | None) -> list[dict[str, Any]]:
    found = [json.loads(subprocess.run(
        [sys.executable, '-W', 'ignore', '-m', 'bench.flood', url, case],
        stdout=subprocess.PIPE, check=True).stdout) for _ in range(rounds)]
    limits = most or (None, None)
    rows = [row(f'{what}, seconds', [each[0] for each in found], 's',
                most=limits[0]),
            row(f'{what}, memory', [each[1] / 1024 for each in found], 'MiB',
                most=limits[1], digits=1)]
    if len(found[0]) > 2:
        rows.append(row(f'{what}, statements', [each[2] for each in found],
                        '', digits=0))
    return rows


def run(chosen: options.Options) -> Iterator[dict[str, Any]]:
    """Yield what lists, sweeps, metrics and beats cost."""
    count = 1000 * (chosen.mib or _THOUSANDS)
    rounds = chosen.rounds or 3
    venv = pathlib.Path(sys.prefix)
    with contextlib.ExitStack() as stack:
        def filled(number: int, status: str = '') -> glance.Glance:
            on = _glance(mariadb.Database(), venv)
            stack.callback(on.stop)
            _fill(on, number, status)
            return on

        few, many = filled(_FEW), filled(count)
        yield from _lists(few, many, rounds)
        for case in ('sweep', 'metrics'):
            yield from _processes(many.database.url, case,
                               f'{case}, {count} ended', rounds, (1, 32))
        waiting = filled(count, 'pending')
        for case in ('sweep', 'metrics'):
            yield from _processes(waiting.database.url, case,
                               f'{case}, {count} waiting', rounds, (1, 32))
        yield from _processes(waiting.database.url, 'beat',
                           f'beat of a process that holds {_HELD}', rounds,
                           None)


def _prepare(url: str) -> None:
    """Have a process that can look at the rows."""
    from glance.common import config  # noqa: F401
    from oslo_db import options as db_options

    from glance_ext import conf
    cfg.CONF([], project='glance', default_config_files=[],
             default_config_dirs=[])
    conf.register_opts(cfg.CONF)
    cfg.CONF.register_opts(db_options.database_opts, 'database')
    cfg.CONF.set_override('connection', url, 'database')
    for name, value in _TRUSTING.items():
        cfg.CONF.set_override(name, value, 'glance_ext')
    cfg.CONF.set_override('node_staging_uri',
                          f'file://{tempfile.mkdtemp()}')


def _held() -> Callable[[], object]:
    """Return the beat of an executor that holds actions that wait."""
    from glance_ext.actions import executor
    from glance_ext.actions import record
    from glance_ext.actions import run as run_
    from glance_ext.host import contexts
    from glance_ext.host import database as db
    from glance_ext.host import pools
    from glance_ext.host import tasks
    pools.room = lambda: 0
    here = executor.Executor()
    found = db.read(tasks.tasks.select().where(
        tasks.tasks.c.status == 'pending').limit(_HELD))
    spec = record.new_spec('hash', caller=contexts.caller(
        contexts.admin()), sealed={})
    stale = db.now() - datetime.timedelta(seconds=60)
    ids = [each.id for each in found]
    db.transaction(lambda connection: connection.execute(
        tasks.tasks.update().where(tasks.tasks.c.id.in_(ids)).values(
            updated_at=stale)))
    for each in found:
        task = tasks.Task(
            each.id, each.type, 'pending', each.owner, each.image_id,
            each.created_at, stale, None, {'glance_ext': dict(spec)}, {},
            'Waiting for its turn', db.now(), dict(spec))
        # As a request leaves its own context.
        here.submit(run_.Run(record.Action.of(task), contexts.of_caller(
            spec['caller'])))
    return here.beat


def _measure(url: str, case: str) -> list[float]:
    """Return seconds, KiB beyond the idle process, and statements."""
    _prepare(url)
    from glance.db.sqlalchemy import api as db_api
    import sqlalchemy as sa

    from glance_ext.actions import executor
    from glance_ext.actions import keeper
    from glance_ext.actions import metrics
    from glance_ext.host import database as db
    if case == 'sweep':
        work: Callable[[], object] = keeper.Keeper(
            executor.Executor())._sweep
    elif case == 'metrics':
        work = metrics.text
    db.read(sa.text('select 1'))
    # Whatever Python loads for it, it loads now.
    if case == 'metrics':
        import prometheus_client  # noqa: F401
        import prometheus_client.core  # noqa: F401
    gc.collect()
    pathlib.Path('/proc/self/clear_refs').write_text('5')
    before = memory._status('VmRSS')
    if case == 'beat':
        work = _held()
    else:
        # The first time, Python loads what it needs.
        work()
    statements: list[str] = []
    sa.event.listen(db_api.get_engine(), 'before_cursor_execute',
                    lambda _, __, statement, *rest: statements.append(
                        statement))
    begun = time.perf_counter()
    work()
    took = time.perf_counter() - begun
    return [took, memory._status('VmHWM') - before, len(statements)]


if __name__ == '__main__':
    print(json.dumps(_measure(*sys.argv[1:])))
