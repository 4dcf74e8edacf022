"""The SELECT that a plan means."""

from __future__ import annotations

from typing import LiteralString

from psycopg.sql import SQL, Composable, Identifier, Literal

from penstock.model.errors import UsageError
from penstock.model.plan import CopyPlan


def select_of(plan: CopyPlan, table: Composable | None) -> Composable:
    r"""Rows of a table, or of the plan's own query, as its columns and filters ask.

    Args:
        table: The table's quoted name; None where the plan has a query.

    Raises:
        UsageError: If there is neither, or the plan reads by a cursor.

    Example:
        >>> plan = CopyPlan(source="w:t", target="s3://b/t/", columns=("a",), where=("b", "1"))
        >>> select_of(plan, Identifier("t")).as_string()
        'SELECT "a" FROM "t" AS s WHERE "b" = \'1\''
    """
    if plan.cursor is not None:
        raise UsageError(
            "an export is whole: it has no cursor", hint="leave --cursor out, or filter the rows"
        )
    if plan.query is not None:
        table = SQL("({})").format(_written(plan.query.strip().rstrip(";")))
    if table is None:
        raise UsageError("no table and no query to copy", hint="name a table, or give --query")
    statement = SQL("SELECT {} FROM {} AS s").format(_columns(plan), table)
    conditions = list(_conditions(plan))
    return statement + SQL(" WHERE ") + SQL(" AND ").join(conditions) if conditions else statement


def _columns(plan: CopyPlan) -> Composable:
    plain: list[Composable] = [Identifier(name) for name in plan.columns] if plan.columns else [SQL("s.*")]
    computed = [
        SQL("({}) AS {}").format(_written(expression), Identifier(name)) for name, expression in plan.computed
    ]
    return SQL(", ").join([*plain, *computed])


def _conditions(plan: CopyPlan) -> list[Composable]:
    conditions: list[Composable] = []
    if plan.where is not None:
        name, value = plan.where
        conditions.append(SQL("{} = {}").format(Identifier(name), Literal(value)))
    if (interval := plan.interval) is not None:
        conditions.append(
            SQL("{0} >= {1} AND {0} < {2}").format(
                Identifier(interval.column), Literal(interval.start), Literal(interval.end)
            )
        )
    return conditions


def _written(text: str) -> SQL:
    """SQL that a person wrote for a database of their own."""
    literal: LiteralString = text
    return SQL(literal)
