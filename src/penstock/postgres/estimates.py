"""Estimates the number of rows of a query by the server's statistics."""

from __future__ import annotations

from typing import Any

from psycopg.sql import SQL, Composable

from penstock.postgres.connect import PgConnection

_GATHERING = ("Append", "Gather", "Result", "Subquery Scan")


def estimated_rows(connection: PgConnection, select: Composable) -> int | None:
    """The estimated number of rows of a SELECT; None unless it returns whole tables. It takes 1 ms and reads no rows.

    The planner knows the size of a table well. Its estimates for conditions, joins and functions are often wrong by
    orders of magnitude.

    Not run by the tests: the planner's estimate varies.

    Example:
        >>> estimated_rows(connection, SQL("TABLE product"))  # doctest: +SKIP
        1000
    """
    row = connection.execute(SQL("EXPLAIN (FORMAT JSON) {}").format(select)).fetchone()
    assert row is not None  # EXPLAIN always returns a row
    (planned,) = row["QUERY PLAN"]
    plan = planned["Plan"]
    return int(plan["Plan Rows"]) if _is_whole(plan) else None


def _is_whole(plan: dict[str, Any]) -> bool:
    """Whether this plan node returns all rows of the tables below it."""
    if "Filter" in plan or "One-Time Filter" in plan:
        return False
    below = plan.get("Plans", ())
    if plan["Node Type"] in _GATHERING:
        return bool(below) and all(map(_is_whole, below))
    return bool(plan["Node Type"] == "Seq Scan")
