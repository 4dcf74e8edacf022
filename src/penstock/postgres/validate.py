"""Checks on the server: its own types, CHECK constraints, foreign keys, the bounds of an interval."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from penstock.model.contract import Contract, ForeignKey
from penstock.model.errors import ContractError
from penstock.model.plan import Interval
from penstock.postgres.create_table import declared
from penstock.postgres.staging import ALL, Shape, Statements, match, only, present

# pg_input_is_valid exists since this version.
_CAN_VALIDATE = 160000
_MESSAGE_LENGTH = 200


def read_texts(statements: Statements, shape: Shape, exact: Mapping[str, str] | None = None) -> None:
    """Convert columns that were sent as text to their types; rows with invalid values go to quarantine.

    Args:
        exact: Columns that could be rounded, each with the type to detect it; such rows go to quarantine, too.

    Raises:
        ContractError: If a value is invalid and the server is too old to report its row.
    """
    for column in shape.texts:
        name, kind = Identifier(column.name), Literal(column.type)
        if statements.server_version >= _CAN_VALIDATE:
            statements.run("reject_unreadable", column=name, type=kind, column_name=Literal(column.name))
        try:
            if exact is not None and column.name in exact:
                statements.run(
                    "reject_inexact",
                    column=name,
                    type=kind,
                    sql_type=declared(column.type),
                    witness=declared(exact[column.name]),
                    column_name=Literal(column.name),
                )
            statements.run("read_column", column=name, sql_type=declared(column.type))
        except psycopg.DataError as error:
            raise ContractError(
                f"column {column.name}: {error.diag.message_primary}",
                hint="servers before version 16 do not report the row; fix or filter the source",
            ) from None


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
    """Reject rows that violate a CHECK or foreign key constraint.

    Args:
        written: The columns that the copy writes; others get their defaults, which are not checked.
    """
    for check in contract.checks:
        statements.run(
            "reject_check",
            expression=declared(check.expression),
            message=Literal(f"violates {check.name}: {check.expression}"[:_MESSAGE_LENGTH]),
        )
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
