"""Copies of a table or query into a table, on the same or another Postgres server.

Neither this module nor its imports import Arrow, which would cost 0.3 s and 60 MB.
"""

from __future__ import annotations

from typing import cast

from penstock.lookup.connections import find
from penstock.model.address import Query, Table
from penstock.model.errors import UsageError
from penstock.model.file_options import FileOptions
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult
from penstock.postgres.relay.copy import Ends
from penstock.postgres.relay.ends import Origin, Place
from penstock.postgres.relay.table_group import Job
from penstock.postgres.relay.table_group import copy_table as copy_between
from penstock.routes.request import CopyRequest


def copy_table(request: CopyRequest) -> CopyResult:
    """Copy a table or the rows of a query, in the server's binary format.

    Raises:
        UsageError: If there are options for reading files.
        PenstockError: If nothing was copied, with the reason and a hint.
    """
    job = job_of(request.plan, cast("Table | Query", request.source), cast("Table", request.target))
    return copy_between(job.plan, job.ends, again=request.again, progress=request.progress)


def job_of(plan: CopyPlan, source: Table | Query, target: Table, *, only: bool = False) -> Job:
    """The copy of a table or query, with its connections.

    Args:
        only: Without the rows of tables that inherit from the source.

    Raises:
        UsageError: If there are options for reading files.
        ConnectionFailed: If the connection does not exist.
    """
    if plan.file != FileOptions():
        raise UsageError(
            "options for reading files do not apply to a table",
            hint="leave out --format, --delimiter, --quote, --encoding, --header, --null and --date-format",
        )
    if isinstance(source, Query):
        origin = Origin(source.connection, f"{source.connection}:query", query=source.sql)
    else:
        origin = Origin(source.connection, plan.source, source.schema, source.table, only=only)
    place = Place(target.connection, target.schema, target.table)
    return Job(plan, Ends(find(origin.connection), origin, find(place.connection), place))
