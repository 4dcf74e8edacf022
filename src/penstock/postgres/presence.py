"""Checks whether the rows of an earlier copy are still in the table, before the same copy is called done."""

from __future__ import annotations

import logging

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from penstock.model.columns import find
from penstock.model.contract import Contract
from penstock.model.errors import TargetError
from penstock.model.plan import CopyPlan
from penstock.model.plurals import counted
from penstock.model.result import CopyResult
from penstock.postgres.connect import PgConnection
from penstock.postgres.queries import queries

_LOG = logging.getLogger(__name__)
_SQL = queries(__package__, "presence.sql")


def is_present(
    connection: PgConnection, plan: CopyPlan, earlier: CopyResult, contract: Contract, oid: int
) -> bool:
    """Whether the table may still hold what an earlier copy loaded; if not, the copy has to run again.

    Rows are counted, up to the number that the copy loaded. After ``replace`` the table must hold nothing else, so rows
    that were inserted or updated since are found too.

    Raises:
        TargetError: If some rows are missing, and copying all of them again would duplicate the others.
    """
    expected = earlier.loaded + earlier.replayed
    if not expected or plan.visible_rows_only:
        return True
    target = Identifier(contract.schema, contract.table)
    counting = _SQL["count"].format(target=target, scope=_scope(plan, contract))
    rows = _number(connection, counting, most=expected + 1)
    if plan.mode == "replace":
        if rows == expected and (earlier.replayed or _is_untouched(connection, target, earlier, oid)):
            return True
    elif rows >= expected:
        return True
    if plan.mode == "append" and not contract.uniques and rows:
        raise TargetError(
            f"the same copy loaded {counted(expected, 'row')} before, and {plan.target} holds only "
            f"{counted(rows, 'row')} now",
            hint="delete the others and copy again, or add all rows once more with --again",
        )
    _LOG.warning(
        "the same copy loaded %s before; %s has changed since, so they are copied again",
        counted(expected, "row"),
        plan.target,
    )
    return False


def is_empty(connection: PgConnection, schema: str, table: str) -> bool:
    """Whether the table has no rows."""
    counting = _SQL["count"].format(target=Identifier(schema, table), scope=SQL("true"))
    return _number(connection, counting, most=1) == 0


def _is_untouched(connection: PgConnection, target: Identifier, earlier: CopyResult, oid: int) -> bool:
    if not _number(connection, _SQL["has_transactions"], oid=oid):
        return True
    untouched = _number(connection, _SQL["untouched"].format(target=target), id=earlier.id, oid=oid)
    return untouched == earlier.inserted + earlier.updated


def _scope(plan: CopyPlan, contract: Contract) -> Composable:
    if plan.interval is None:
        return SQL("true")
    name = find(plan.interval.column, [column.name for column in contract.columns])
    assert name is not None  # the earlier copy found it
    return SQL("{0} >= {1} AND {0} < {2}").format(
        Identifier(name), Literal(plan.interval.start), Literal(plan.interval.end)
    )


def _number(connection: PgConnection, query: SQL | Composed, **values: object) -> int:
    row = connection.execute(query, values).fetchone()
    assert row is not None  # an aggregate, or the catalog's row of the table
    return int(next(iter(row.values())))
