"""What only the server can judge: types of its own, CHECK constraints, foreign keys, the bounds of an interval."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from penstock.model.contract import Contract, ForeignKey
from penstock.model.errors import ContractError
from penstock.model.plan import Interval
from penstock.postgres.create_table import declared
from penstock.postgres.staging import Shape, match, present
from penstock.postgres.staging_sql import ALL, Statements, only

# pg_input_is_valid came with this version.
_CAN_VALIDATE = 160000
_MESSAGE_LENGTH = 200


def read_texts(statements: Statements, shape: Shape, exact: Mapping[str, str] | None = None) -> None:
    """Turn columns that came as text into their own types; rows whose text is no such value go to quarantine.

    Args:
        exact: Columns that would be rounded, each with the type in which to see it; such rows go to quarantine too.

    Raises:
        ContractError: If a server too old to say which row it is finds one.
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
                hint="a server before version 16 cannot say which row it is; mend or filter the source",
            ) from None


def reject_outside(statements: Statements, interval: Interval) -> None:
    """Reject rows that do not belong to the interval that the copy replaces."""
    statements.run(
        "reject_outside",
        column=Identifier(interval.column),
        start=Literal(interval.start),
        end=Literal(interval.end),
        column_name=Literal(interval.column),
        message=Literal(f"outside {interval.start} to {interval.end}"),
    )


def reject_by_constraints(statements: Statements, contract: Contract, written: set[str]) -> None:
    """Reject rows that violate a CHECK constraint, and rows that refer to none.

    Args:
        written: The columns that the copy fills; others keep their defaults, which the server vouches for.
    """
    for check in contract.checks:
        statements.run(
            "reject_check",
            expression=declared(check.expression),
            message=Literal(f"violates {check.name}: {check.expression}"[:_MESSAGE_LENGTH]),
        )
    keys = [key for key in contract.foreign_keys if written.issuperset(key.columns)]
    within = {key: (key.schema, key.table) == (contract.schema, contract.table) for key in keys}
    # Rows of this very copy may be what others refer to, so that one reject can lead to the next.
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
