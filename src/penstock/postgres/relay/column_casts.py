"""Maps source columns to those of an existing table: unchanged, widened, or as text to be validated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from psycopg.sql import SQL, Composable, Composed

from penstock.engine.column_mapping import Match, match_columns
from penstock.engine.schema_changes import Wanted, find_changes, widens
from penstock.model.columns import find, pair, require
from penstock.model.contract import Column, Contract, Kind
from penstock.model.errors import ContractError
from penstock.model.plan import CopyPlan
from penstock.postgres.alter_table import require_labels
from penstock.postgres.relay.source_table import Reading
from penstock.postgres.relay.structure import Field, Output, column_types, make_type, qualified
from penstock.postgres.select import written
from penstock.postgres.target import PostgresSession


@dataclass(frozen=True, slots=True)
class Fitted:
    """The cast of one column.

    Args:
        expression: The expression that the source sends.
        as_text: It is sent as text, which the target's server parses and validates.
        may_lack: It may be null, but the target column is NOT NULL.
        witness: Type in which the target compares the value before and after rounding; None if nothing is rounded.
    """

    column: Column
    expression: Composable
    as_text: bool
    may_lack: bool
    witness: str | None


@dataclass(frozen=True, slots=True)
class Fit:
    """The casts of all columns of a copy into an existing table.

    Args:
        unique: The key is unique in the source.
    """

    match: Match
    columns: tuple[Fitted, ...]
    unique: bool


def fit(
    plan: CopyPlan,
    contract: Contract,
    outputs: Sequence[Output],
    types: dict[str, tuple[str, bool]],
    uniques: Sequence[Sequence[str]],
) -> Fit:
    """Map the columns of a source to those of a table.

    Args:
        types: Types of the table's columns: the name with schema, and whether it is user-defined.
        uniques: Sets of source columns with unique values.

    Raises:
        ContractError: If one side lacks a column that the other or the plan requires.
    """
    match = match_columns(replace(plan, where=None), contract, [output.name for output in outputs])
    by_name = {output.name: output for output in outputs}
    fitted = tuple(
        _fit(column, by_name[name], *types[column.name], key=match.key) for column, name in match.pairs
    )
    sources = {column.name: by_name[name].plain for column, name in match.pairs}
    key = {sources[name] for name in match.key}
    return Fit(match, fitted, bool(key) and any(set(unique) == key for unique in uniques))


def adapt(plan: CopyPlan, reading: Reading, session: PostgresSession, contract: Contract) -> tuple[str, ...]:
    """Change the definition of an existing table as the source has changed, as far as the plan allows.

    Returns:
        The changes in words.

    Raises:
        ContractError: If the server refuses one, or an enum lacks labels.
    """
    structure, connection = reading.structure, session.connection
    wanted = [_wanted(output, of_table=structure is not None) for output in reading.outputs]
    held = pair([column.name for column in contract.columns], [output.name for output in reading.outputs])
    gone: set[str] = set()
    if plan.on_change == "follow":
        at_source = pair([c.name for c in contract.columns], [field.name for field in reading.fields])
        gone = session.once_copied(contract) - held.keys() - at_source.keys()
    changes = find_changes(plan, contract, wanted, gone)

    def run(statement: Composable) -> None:
        connection.execute(Composed([statement]))

    new = {output.plain for output in reading.outputs if output.name not in held.values()}
    with qualified(connection):
        types = column_types(connection, session.oid)
        for row in () if structure is None else structure.types:
            if new & set(row["columns"]):
                make_type(connection, run, row)
            for name in () if plan.on_change == "add" else held:
                if row["kind"] == "e" and held[name] in row["columns"]:
                    require_labels(connection, name, row["full_name"], row["labels"], types[name][0])
    return session.alter(contract, changes)


def take_mark(plan: CopyPlan, outputs: Sequence[Output], contract: Contract) -> tuple[Contract, Column]:
    """The column of the target that marks rows that the source no longer has, and the contract without it.

    Raises:
        ContractError: If the column does not exist, is of another type, or the source has it, too.
    """
    assert plan.soft_delete is not None  # checked by the caller
    require_own(plan.soft_delete, outputs)
    mark = contract.column(
        require(plan.soft_delete, [c.name for c in contract.columns], "soft delete column", plan.target)
    )
    if mark.kind not in (Kind.BOOL, Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
        raise ContractError(
            f"the soft delete column {mark.name} of {plan.target} is {mark.type}",
            hint="make it a boolean, or a timestamp, which then holds the time of the copy",
        )
    return replace(contract, columns=tuple(c for c in contract.columns if c is not mark)), mark


def require_own(name: str, outputs: Sequence[Output]) -> None:
    """Raise ContractError if a column that marks rows of the target is one of the source's."""
    if find(name, [output.name for output in outputs]) is not None:
        raise ContractError(
            f"the source has a column {name}, too; --soft-delete names a column that only the target has",
            hint="name another column, or leave it out of the source with --columns",
        )


def _wanted(output: Output, *, of_table: bool) -> Wanted:
    field = output.field
    nullable = not field.not_null if of_table and output.plain is not None else None
    return Wanted(
        source=output.name,
        name=output.name,
        type=field.type,
        nullable=nullable,
        collation=field.collation,
        comment=field.comment,
    )


def _fit(column: Column, output: Output, type_: str, own: bool, *, key: Sequence[str]) -> Fitted:
    field = output.field
    must = column.name in key or (not column.nullable and not column.always)
    may_lack = must and not (field.not_null and output.plain is not None)
    if not own and field.binary and field.type == type_:
        return Fitted(column, output.expression, False, may_lack, None)
    if not own and widens(field.type, type_):
        expression = SQL("({})::{}").format(output.expression, written(type_))
        return Fitted(column, expression, False, may_lack, None)
    return Fitted(column, _text(output, column), True, may_lack, _witness(field, type_))


def _text(output: Output, column: Column) -> Composable:
    whole = column.kind in (Kind.INT2, Kind.INT4, Kind.INT8)
    if whole and output.field.type.startswith("numeric"):
        # 35.00 is an integer value, but its text is not valid for an integer column.
        return SQL("trim_scale({})::text").format(output.expression)
    return SQL("({})::text").format(output.expression)


def _witness(field: Field, type_: str) -> str | None:
    """The type for detecting what a cast to ``type_`` would round or truncate."""
    if type_.startswith("numeric"):
        return "numeric"
    if type_ == "date" or type_.startswith("timestamp"):
        return field.type if field.type.startswith("timestamp") else "timestamp"
    if type_.startswith("time"):
        return "interval" if "with time zone" not in type_ else None
    return None
