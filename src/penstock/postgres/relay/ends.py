"""The two ends of a copy from table to table."""

from __future__ import annotations

import re
from dataclasses import dataclass

from psycopg.sql import Composable, Identifier

from penstock.model.address import Table, parse
from penstock.model.errors import UsageError
from penstock.model.plan import CopyPlan, FileOptions

_CONNECTION = re.compile(r"([\w-]+):?")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from: a table or view, or the rows of a query.

    Args:
        address: As people write it, ``source:public.product``.
    """

    connection: str
    address: str
    schema: str = "public"
    table: str = ""
    query: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """The table where they go."""

    connection: str
    schema: str
    table: str

    @property
    def name(self) -> Composable:
        """The table, quoted."""
        return Identifier(self.schema, self.table)


def ends(plan: CopyPlan) -> tuple[Origin, Place] | None:
    """Both ends of the plan; None where one of them is no table.

    Raises:
        UsageError: If there is a query and the source names no connection, or options say how a file is read.

    Example:
        >>> ends(CopyPlan(source="source:product", target="warehouse:raw.product"))[1].schema
        'raw'
        >>> ends(CopyPlan(source="product.csv", target="warehouse:raw.product"))
    """
    target = parse(plan.target)
    origin = _origin(plan)
    if origin is None or not isinstance(target, Table):
        return None
    if plan.file != FileOptions():
        raise UsageError(
            "there are options for reading a file, and the source is a table",
            hint="leave out format, delimiter, quote, encoding, header, null values and date format",
        )
    return origin, Place(target.connection, target.schema, target.table)


def _origin(plan: CopyPlan) -> Origin | None:
    if plan.query is not None:
        match = _CONNECTION.fullmatch(plan.source)
        if match is None:
            raise UsageError(
                f"a query runs in a database, and {plan.source!r} is none",
                hint="name the connection only: penstock copy source: warehouse:top --query top.sql",
            )
        return Origin(match[1], f"{match[1]}:query", query=plan.query)
    address = parse(plan.source)
    if not isinstance(address, Table):
        return None
    return Origin(address.connection, plan.source, address.schema, address.table)
