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

"""Short transactions of our own on Glance's database, with its models."""

from collections.abc import Callable
import datetime
from typing import Any, TypeVar

from glance.db.sqlalchemy import api as db_api
from glance.db.sqlalchemy import models
from oslo_db import api as oslo_db_api
from oslo_db import exception as db_exception
from oslo_utils import timeutils
import sqlalchemy as sa
from sqlalchemy import exc as sa_exceptions

#: SQLAlchemy's, in a transaction.
Connection = Any

tasks = models.Task.__table__
task_info = models.TaskInfo.__table__
images = models.Image.__table__
image_locations = models.ImageLocation.__table__
image_properties = models.ImageProperty.__table__
image_members = models.ImageMember.__table__
image_tags = models.ImageTag.__table__

#: What the database, or the way to it, raises.
FAILURES = (db_exception.DBError, sa_exceptions.SQLAlchemyError)

_T = TypeVar('_T')


def now() -> datetime.datetime:
    """Return the time in UTC, in whole seconds as MariaDB keeps them."""
    moment: datetime.datetime = timeutils.utcnow()
    return moment.replace(microsecond=0)


def engine() -> Any:
    """Return SQLAlchemy's engine of Glance's database."""
    return db_api.get_engine()


def _is_locked_sqlite(exc: Exception) -> bool:
    return 'database is locked' in str(exc)


#: Runs a function again after a deadlock or a lost connection.
retried = oslo_db_api.wrap_db_retry(
    max_retries=10, retry_interval=0.05, max_retry_interval=1,
    retry_on_deadlock=True, retry_on_disconnect=True,
    exception_checker=_is_locked_sqlite)


@retried
def transaction(work: Callable[[Connection], _T]) -> _T:
    """Run ``work(connection)`` in one transaction and return its result.

    A deadlock or a lost connection runs it again, so ``work`` has no effect
    but on the database. It commits when ``work`` returns and rolls back when
    it raises.
    """
    with _engine().begin() as connection:
        return work(connection)


def _engine() -> Any:
    """Return a view of Glance's engine, which has the same connections.

    Neither its errors nor what they become nor its log have the values of a
    statement, which may be a location's URL with the key of its store.
    """
    engine = db_api.get_engine().execution_options()
    engine.hide_parameters = True
    return engine


def why_unavailable() -> str | None:
    """Connect once, and return why that failed; None where it did not."""
    # Otherwise oslo.db tries for max_retries * retry_interval seconds.
    db_api.CONF.set_override('max_retries', 0, 'database')
    try:
        with _engine().connect() as connection:
            connection.execute(sa.select(images.c.id).limit(1))
    except FAILURES as exc:
        return reason(exc)
    finally:
        db_api.CONF.clear_override('max_retries', 'database')
    return None


def reason(failure: BaseException) -> str:
    """Return what the database's driver said, without any statement."""
    while cause := (getattr(failure, 'inner_exception', None)
                    or getattr(failure, 'orig', None)):
        failure = cause
    said = ' '.join(str(each) for each in failure.args) or str(failure)
    return f'{type(failure).__name__}: {said}'


def read(query: Any) -> list[Any]:
    """Return the rows of one query."""
    return list(transaction(
        lambda connection: connection.execute(query).all()))
