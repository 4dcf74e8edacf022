"""The two ends of a copy from table to table."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.sql import Composable, Identifier


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
