"""Checks on the server: its own types, CHECK constraints, foreign keys, the bounds of an interval."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from psycopg.sql import SQL, Identifier, Literal

from penstock.model.contract import Column, Contract, ForeignKey
from penstock.model.plan import Interval
from penstock.model.result import Reason
from penstock.postgres.conflicts import values
from penstock.postgres.create_table import declared
from penstock.postgres.row_errors import RowErrors
from penstock.postgres.staging import ALL, STAGE, Shape, Statements, match, only, present

# pg_input_is_valid exists since this version.
_CAN_VALIDATE = 160000
_MESSAGE_LENGTH = 200


def read_texts(statements: Statements, shape: Shape, exact: Mapping[str, str] | None = None) -> None:
    """Convert columns that were sent as text to their types; rows with invalid values go to quarantine.

    Args:
        exact: Columns that could be rounded, each with the type to detect it; such rows go to quarantine, too.

    Raises:
        TargetError: If too many values are invalid, and the server reports one at a time.
    """
    errors = RowErrors(statements)
    for column in shape.texts:
        witness = None if exact is None else exact.get(column.name)
        value = SQL("{}::{}").format(Identifier(column.name), declared(column.type))
        errors.guard(
            partial(_read_text, statements, column, witness),
            partial(statements.values_of, "probe", value=value, condition=ALL),
            otherwise=Reason.BAD_TYPE,
            column=column.name,
        )


def _read_text(statements: Statements, column: Column, witness: str | None) -> None:
    name, kind = Identifier(column.name), Literal(column.type)
    if statements.server_version >= _CAN_VALIDATE:
        statements.run("reject_unreadable", column=name, type=kind, column_name=Literal(column.name))
    if witness is not None:
        statements.run(
            "reject_inexact",
            column=name,
            type=kind,
            sql_type=declared(column.type),
            witness=declared(witness),
            column_name=Literal(column.name),
        )
    statements.run("read_column", column=name, sql_type=declared(column.type))


def reject_outside(statements: Statements, interval: Interval) -> None:
    """Reject rows outside the interval that the copy replaces."""
    statements.run(
        "reject_outside",
        column=Identifier(interval.column),
        start=Literal(interval.start),
        end=Literal(interval.end),
        column_name=Literal(interval.column),
        message=Literal(f"outside {interval.start} to {interval.end}"),
    )


def reject_by_constraints(statements: Statements, contract: Contract, written: set[str]) -> None:
    """Reject rows that violate a CHECK or foreign key constraint, or for which a unique index has no value.

    Args:
        written: The columns that the copy writes; others get their defaults, which are not checked.
    """
    errors = RowErrors(statements)
    for check in contract.checks:
        expression = declared(check.expression)
        message = Literal(f"violates {check.name}: {check.expression}"[:_MESSAGE_LENGTH])
        errors.guard(
            partial(statements.run, "reject_check", expression=expression, message=message),
            partial(statements.values_of, "probe", value=expression, condition=ALL),
            otherwise=Reason.CHECK,
        )
    for index in contract.indexes:
        if written.issuperset(index.columns) and not index.is_total:
            condition = declared(index.predicate or "TRUE")
            probe = partial(
                statements.values_of, "probe", value=SQL("ROW({})").format(values(index)), condition=condition
            )
            errors.guard(partial(probe, STAGE), probe, otherwise=Reason.SERVER_ERROR)
    keys = [key for key in contract.foreign_keys if written.issuperset(key.columns)]
    within = {key: (key.schema, key.table) == (contract.schema, contract.table) for key in keys}
    # Rows may refer to other rows of this copy, so that one reject can cause another.
    while sum(_reject_orphans(statements, key, within=within[key]) for key in keys) and any(within.values()):
        pass


def _reject_orphans(statements: Statements, key: ForeignKey, *, within: bool) -> int:
    referred = match(key.columns, key.referred, "s", "r")
    sibling = SQL("NOT EXISTS (SELECT FROM penstock_stage AS r WHERE {})").format(referred)
    return statements.run(
        "reject_foreign_key",
        present=present(key.columns),
        referred=Identifier(key.schema, key.table),
        match=referred,
        no_sibling=sibling if within else ALL,
        column_name=only(key.columns),
        message=Literal(f"{key.schema}.{key.table} has no row with this {', '.join(key.columns)}"),
    )
