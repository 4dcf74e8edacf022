"""How many rows a query will give, by the server's own statistics."""

from __future__ import annotations

from typing import Any

from psycopg.sql import SQL, Composable

from penstock.postgres.connect import PgConnection

_GATHERING = ("Append", "Gather", "Result", "Subquery Scan")


def estimated_rows(connection: PgConnection, select: Composable) -> int | None:
    """About how many rows a SELECT will give; None unless it gives whole tables. Costs a millisecond and reads no row.

    The size of a table the planner knows well. What a condition, a join or a function leaves of it, it guesses, and is
    often wrong by orders of magnitude.

    Not run by the tests: the planner's estimate varies.

    Example:
        >>> estimated_rows(connection, SQL("TABLE product"))  # doctest: +SKIP
        1000
    """
    row = connection.execute(SQL("EXPLAIN (FORMAT JSON) {}").format(select)).fetchone()
    assert row is not None  # EXPLAIN always answers
    (planned,) = row["QUERY PLAN"]
    plan = planned["Plan"]
    return int(plan["Plan Rows"]) if _is_whole(plan) else None


def _is_whole(plan: dict[str, Any]) -> bool:
    """Whether this node of a plan gives all rows of the tables below it."""
    if "Filter" in plan or "One-Time Filter" in plan:
        return False
    below = plan.get("Plans", ())
    if plan["Node Type"] in _GATHERING:
        return bool(below) and all(map(_is_whole, below))
    return bool(plan["Node Type"] == "Seq Scan")
