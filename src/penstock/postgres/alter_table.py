"""Changes the definition of an existing table, in the transaction of the copy that needs the change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import psycopg
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from penstock.model.columns import matching_key
from penstock.model.contract import Change, Contract
from penstock.model.errors import ContractError
from penstock.postgres.connect import PgConnection
from penstock.postgres.create_table import declared
from penstock.postgres.queries import queries

_SQL = queries(__package__, "catalog.sql")


def alter_table(
    connection: PgConnection, contract: Contract, oid: int, changes: Sequence[Change]
) -> tuple[str, ...]:
    """Make the changes in one statement, so that the server rewrites the table at most once.

    Returns:
        The changes in words, and whether the server rewrote the table.

    Raises:
        ContractError: If the server refuses, because a view or a key uses the column, for example.
    """
    if not changes:
        return ()
    table = Identifier(contract.schema, contract.table)
    before = _files(connection, oid)
    try:
        connection.execute(SQL("ALTER TABLE {} {}").format(table, SQL(", ").join(map(_action, changes))))
        for change in changes:
            if change.comment is not None:
                column = Identifier(contract.schema, contract.table, change.column)
                connection.execute(SQL("COMMENT ON COLUMN {} IS {}").format(column, Literal(change.comment)))
    except psycopg.errors.InsufficientPrivilege:
        raise
    except psycopg.DatabaseError as error:
        if error.sqlstate is None or error.sqlstate.startswith(("08", "57")):
            raise
        detail = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
        raise ContractError(
            f"cannot change {contract.schema}.{contract.table}: {error.diag.message_primary}{detail}; "
            f"wanted: {', '.join(map(str, changes))}",
            hint="nothing was changed; make the change yourself, or copy with --on-change fail",
        ) from None
    said = tuple(map(str, changes))
    return said if _files(connection, oid) == before else (*said, "the server rewrote the table")


def once_copied(connection: PgConnection, contract: Contract, oid: int) -> set[str]:
    """The columns that copies before brought into the table, by the ledger: other columns are the table's own."""
    rows = connection.execute(_SQL["copied_columns"], {"oid": oid}).fetchall()
    brought = {matching_key(row["name"]) for row in rows}
    return {column.name for column in contract.columns if matching_key(column.name) in brought}


def require_labels(
    connection: PgConnection, column: str, type_name: str, labels: Sequence[str], known_as: str
) -> None:
    """Check that an enum of the target has the labels of the source's.

    Args:
        type_name: The type's name, quoted and with its schema.
        known_as: The name of the type of the target's column.

    Raises:
        ContractError: If it lacks some, with the statements that add them: the server does not allow a transaction
            to use labels that it has added.
    """
    held = [row["label"] for row in connection.execute(_SQL["labels"], {"type": type_name})]
    lacking = [label for label in labels if label not in held]
    if not (held and lacking and type_name.replace('"', "") == known_as.replace('"', "")):
        return
    statements = "; ".join(_added(connection, type_name, label, labels) for label in lacking)
    raise ContractError(
        f"the target's type {type_name} of column {column} lacks {', '.join(map(repr, lacking))}, and new labels "
        "cannot be used in the transaction that adds them",
        hint=f"run this in the target database, then copy again: {statements}",
    )


def _added(connection: PgConnection, type_name: str, label: str, labels: Sequence[str]) -> str:
    place = list(labels).index(label)
    near = (
        SQL(" AFTER {}").format(Literal(labels[place - 1]))
        if place
        else SQL(" BEFORE {}").format(Literal(labels[1]))
        if len(labels) > 1
        else SQL("")
    )
    statement = SQL("ALTER TYPE {} ADD VALUE {}{}").format(declared(type_name), Literal(label), near)
    return statement.as_string(connection)


def _action(change: Change) -> Composable:
    column = Identifier(change.column)
    match change.kind:
        case "add":
            collation = "" if change.collation is None else f" COLLATE {change.collation}"
            return SQL("ADD COLUMN {} {}").format(column, declared(change.type + collation))
        case "widen":
            return SQL("ALTER COLUMN {} TYPE {}").format(column, declared(change.type))
        case "relax":
            return SQL("ALTER COLUMN {} DROP NOT NULL").format(column)
        case _:
            return SQL("DROP COLUMN {}").format(column)


def _files(connection: PgConnection, oid: int) -> Iterable[object]:
    """The files of the table and its partitions; the server rewrites a table into new ones."""
    row = connection.execute(Composed([_SQL["files"]]), {"oid": oid}).fetchone()
    assert row is not None  # an aggregate always returns a row
    return tuple(row["files"])
