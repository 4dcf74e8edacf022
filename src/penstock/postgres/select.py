"""Builds the SELECT of a plan, and estimates its rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg.sql import SQL, Composable, Identifier, Literal

from penstock.model.columns import find, require
from penstock.model.errors import ContractError
from penstock.model.plan import CopyPlan
from penstock.postgres.connect import PgConnection

_NAME = re.compile(r"\w[\w ]*")


@dataclass(frozen=True, slots=True)
class Selected:
    """One column that the source sends.

    Args:
        expression: Its SQL expression at the source.
        column: The unchanged column of the source; None if it is computed.
        text: The expression as written in the plan.
    """

    name: str
    expression: Composable
    column: str | None
    text: str


def written(text: str) -> SQL:
    """SQL written by the user for their database: a query, or a column's expression."""
    literal: LiteralString = text
    return SQL(literal)


def query_relation(query: str) -> Composable:
    """A query as a relation after ``FROM``."""
    # On separate lines, so that a comment at its end ends there.
    return SQL("(\n{}\n) AS penstock_query").format(written(query.strip().rstrip(";")))


def select_columns(
    plan: CopyPlan, names: Sequence[str], usual: Sequence[str] | None = None
) -> list[Selected]:
    """The selected columns of the source, followed by the computed ones.

    A computed column replaces the source's column of the same name. A renamed column (``new=old``) replaces the
    original, unless the plan lists its columns.

    Args:
        names: All columns of the source.
        usual: The columns selected if the plan lists none; by default all.

    Raises:
        ContractError: If a column does not exist, or a name occurs twice.

    Example:
        >>> plan = CopyPlan(source="s:t", target="w:t", computed=(("price", "price * 2"), ("id", "ProductID")))
        >>> [(each.name, each.column) for each in select_columns(plan, ["product_id", "price", "name"])]
        [('name', 'name'), ('price', None), ('id', 'product_id')]
    """
    wanted = [require(name, names, "column", "the source") for name in plan.columns]
    own = wanted or list(names if usual is None else usual)
    computed = [_computed(name, text, names) for name, text in plan.computed]
    replaced = {find(each.name, own) for each in computed}
    if not wanted:
        replaced |= {each.column for each in computed}
    chosen = [Selected(name, Identifier(name), name, name) for name in own if name not in replaced]
    return _distinct(chosen + computed)


def _computed(name: str, text: str, names: Sequence[str]) -> Selected:
    column = text if text in names else find(text, names) if _NAME.fullmatch(text) else None
    if column is not None:
        return Selected(name, Identifier(column), column, text)
    return Selected(name, SQL("({})").format(written(text)), None, text)


def _distinct(chosen: list[Selected]) -> list[Selected]:
    names = [each.name for each in chosen]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise ContractError(f"duplicate column {repeated!r}", hint="rename one with --column name=expression")
    return chosen


def conditions(plan: CopyPlan, names: Sequence[str]) -> list[Composable]:
    """The conditions of the plan's filter and interval.

    Raises:
        ContractError: If the column does not exist.
    """
    found: list[Composable] = []
    if plan.where is not None:
        column, value = plan.where
        name = Identifier(require(column, names, "filter column", "the source"))
        found.append(SQL("{} = {}").format(name, Literal(value)))
    if (interval := plan.interval) is not None:
        name = Identifier(require(interval.column, names, "interval column", "the source"))
        found.append(
            SQL("{0} >= {1} AND {0} < {2}").format(name, Literal(interval.start), Literal(interval.end))
        )
    return found


def where(demands: Iterable[Composable]) -> Composable:
    """The ``WHERE`` clause of these conditions, or nothing."""
    listed = list(demands)
    return SQL(" WHERE {}").format(SQL(" AND ").join(listed)) if listed else SQL("")


def select_of(plan: CopyPlan, relation: Composable, names: Sequence[str]) -> Composable:
    r"""The SELECT of the plan's columns and filters from a table or query.

    Args:
        relation: The relation after ``FROM``.
        names: Its columns.

    Raises:
        ContractError: If a column does not exist, or a name occurs twice.

    Example:
        >>> plan = CopyPlan(source="w:t", target="s3://b/t/", columns=("A",), where=("b", "1"))
        >>> select_of(plan, Identifier("t"), ["a", "b"]).as_string()
        'SELECT "a" AS "a" FROM "t" WHERE "b" = \'1\''
    """
    columns: Composable = SQL("*")
    if plan.columns or plan.computed:
        columns = SQL(", ").join(
            SQL("{} AS {}").format(each.expression, Identifier(each.name))
            for each in select_columns(plan, names)
        )
    return SQL("SELECT {} FROM {}{}").format(columns, relation, where(conditions(plan, names)))


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
