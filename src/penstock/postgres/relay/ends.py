"""The source and target of a copy from table to table."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.sql import Composable, Identifier


@dataclass(frozen=True, slots=True)
class Origin:
    """A source: a table or view, or a query.

    Args:
        address: The address as users write it, such as ``source:public.product``.
        only: Without the rows of tables that inherit from it.
    """

    connection: str
    address: str
    schema: str = "public"
    table: str = ""
    query: str | None = None
    only: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A target table."""

    connection: str
    schema: str
    table: str

    @property
    def name(self) -> Composable:
        """The table, quoted."""
        return Identifier(self.schema, self.table)
