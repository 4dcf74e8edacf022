"""Maps source columns to those of an existing table: unchanged, widened, or as text to be validated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from psycopg.sql import SQL, Composable

from penstock.engine.column_mapping import Match, match_columns
from penstock.model.contract import Column, Contract, Kind
from penstock.model.plan import CopyPlan
from penstock.postgres.relay.structure import Field, Output
from penstock.postgres.select import written

# Every value of the first type is the same value of the others, for all server settings.
_WIDER = {
    "smallint": {"integer", "bigint", "numeric", "real", "double precision"},
    "integer": {"bigint", "numeric", "double precision"},
    "bigint": {"numeric"},
    "real": {"double precision"},
    "date": {"timestamp without time zone"},
}
_TEXT = re.compile(r"(?:character varying|text)(?:\((\d+)\))?")
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")


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


def widens(source: str, target: str) -> bool:
    """Whether the target's type holds every value of the source's type exactly.

    Example:
        >>> widens("integer", "bigint"), widens("bigint", "integer")
        (True, False)
        >>> widens("numeric(10,2)", "numeric(12,2)"), widens("numeric(10,2)", "numeric(10,1)")
        (True, False)
        >>> widens("character varying(10)", "text"), widens("text", "character varying(10)")
        (True, False)
    """
    if target in _WIDER.get(source, ()):
        return True
    left, right = _TEXT.fullmatch(source), _TEXT.fullmatch(target)
    if left and right:
        return right[1] is None or (left[1] is not None and int(left[1]) <= int(right[1]))
    digits, room = _NUMERIC.fullmatch(source), _NUMERIC.fullmatch(target)
    if digits and target == "numeric":
        return True
    if digits and room:
        scale, wider = int(digits[2]), int(room[2])
        return scale <= wider and int(digits[1]) - scale <= int(room[1]) - wider
    return False


def _witness(field: Field, type_: str) -> str | None:
    """The type for detecting what a cast to ``type_`` would round or truncate."""
    if type_.startswith("numeric"):
        return "numeric"
    if type_ == "date" or type_.startswith("timestamp"):
        return field.type if field.type.startswith("timestamp") else "timestamp"
    if type_.startswith("time"):
        return "interval" if "with time zone" not in type_ else None
    return None
