"""How each column of a source reaches a column of a table that is there: as it is, widened, or as text to be judged."""

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

# Every value of the one type is the same value of the other, whatever the server's settings.
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
    """One column on its way.

    Args:
        expression: What the source sends.
        as_text: It comes as text, which the target's server reads and judges.
        may_lack: It may be null where the table wants a value.
        witness: Type in which the target compares what came with what it would keep; None where nothing is rounded.
    """

    column: Column
    expression: Composable
    as_text: bool
    may_lack: bool
    witness: str | None


@dataclass(frozen=True, slots=True)
class Fit:
    """All columns of a copy into a table that is there.

    Args:
        unique: No two rows of the source have one key.
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
    """Fit a source's columns to a table's.

    Args:
        types: Of the table's columns: type with its schema, and whether it is one of the database's own.
        uniques: Sets of the source's columns that no two rows share.

    Raises:
        ContractError: If either side lacks a column that the other or the plan asks for.
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
        # 35.00 is a whole number; only its text is none.
        return SQL("trim_scale({})::text").format(output.expression)
    return SQL("({})::text").format(output.expression)


def widens(source: str, target: str) -> bool:
    """Whether the target's type holds every value of the source's exactly.

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
    """The type that shows what a cast to ``type_`` would round or cut off."""
    if type_.startswith("numeric"):
        return "numeric"
    if type_ == "date" or type_.startswith("timestamp"):
        return field.type if field.type.startswith("timestamp") else "timestamp"
    if type_.startswith("time"):
        return "interval" if "with time zone" not in type_ else None
    return None
