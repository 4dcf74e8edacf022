"""A table or a query of one Postgres server, into a table of another or the same.

Nothing here or below imports Arrow, which would cost 0.3 s and 60 MB.
"""

from __future__ import annotations

from typing import cast

from penstock.lookup.connections import find
from penstock.model.address import Query, Table
from penstock.model.errors import UsageError
from penstock.model.plan import FileOptions
from penstock.model.result import CopyResult
from penstock.postgres.relay.copy import Ends
from penstock.postgres.relay.copy import copy_table as copy_between
from penstock.postgres.relay.ends import Origin, Place
from penstock.routes.request import CopyRequest


def copy_table(request: CopyRequest) -> CopyResult:
    """Copy a table or the rows of a query, in the servers' own binary form.

    Raises:
        UsageError: If options say how a file is read.
        PenstockError: If nothing was done, with the reason and the remedy.
    """
    plan = request.plan
    source, target = cast("Table | Query", request.source), cast("Table", request.target)
    if plan.file != FileOptions():
        raise UsageError(
            "there are options for reading a file, and the source is a table",
            hint="leave out format, delimiter, quote, encoding, header, null values and date format",
        )
    if isinstance(source, Query):
        origin = Origin(source.connection, f"{source.connection}:query", query=source.sql)
    else:
        origin = Origin(source.connection, plan.source, source.schema, source.table)
    place = Place(target.connection, target.schema, target.table)
    ends = Ends(find(origin.connection), origin, find(place.connection), place)
    return copy_between(plan, ends, again=request.again, progress=request.progress)
