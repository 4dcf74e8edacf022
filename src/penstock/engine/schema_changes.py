"""Schema changes: what an existing table needs to hold the rows of a source whose definition has changed."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from penstock.model.columns import matching_key, pair
from penstock.model.contract import Change, Column, Contract, Kind
from penstock.model.plan import CopyPlan

# Every value of the first type is the same value of the others, for all server settings.
_WIDER = {
    "smallint": {"integer", "bigint", "numeric", "real", "double precision"},
    "integer": {"bigint", "numeric", "double precision"},
    "bigint": {"numeric"},
    "real": {"double precision"},
    "date": {"timestamp without time zone"},
}
_WHOLE = {"smallint": 5, "integer": 10, "bigint": 19}  # digits
_TEXT = re.compile(r"(?:character varying|text)(?:\((\d+)\))?")
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")
_TIME = re.compile(r"(timestamp|time)(?:\((\d)\))? (with|without) time zone")

# The next wider type of a column that is too small for a value.
_NEXT = {
    Kind.INT2: ("integer", Kind.INT4),
    Kind.INT4: ("bigint", Kind.INT8),
    Kind.INT8: ("numeric", Kind.NUMERIC),
    Kind.NUMERIC: ("numeric", Kind.NUMERIC),
    Kind.TEXT: ("text", Kind.TEXT),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A column of the source, as the table should have it.

    Args:
        source: Its name in the source.
        name: Its name in the table, if it is new.
        nullable: Whether it may be null; None if the source does not say.
    """

    source: str
    name: str
    type: str
    nullable: bool | None = None
    collation: str | None = None
    comment: str | None = None


def find_changes(
    plan: CopyPlan, contract: Contract, wanted: Sequence[Wanted], gone: Collection[str] = ()
) -> list[Change]:
    """The changes that the plan allows: with ``add`` new columns, with ``widen`` and ``follow`` all others, too.

    Args:
        gone: Columns of the table that the source had and no longer has; the primary key stays.
    """
    by_source = {column.source: column for column in wanted}
    named = pair([column.name for column in contract.columns], list(by_source))
    new = [column for name, column in by_source.items() if name not in named.values()]
    changes = [
        Change(kind="add", column=each.name, type=each.type, collation=each.collation, comment=each.comment)
        for each in new
    ]
    if plan.on_change == "add":
        return changes
    key = {*contract.primary_key, *_meant(plan.key, contract)}
    for column in contract.columns:
        if column.name in named:
            changes += _changes_of(column, by_source[named[column.name]], may_relax=column.name not in key)
        elif column.name in gone and column.name not in key and plan.on_change == "follow":
            changes.append(Change(kind="drop", column=column.name))
        elif not (column.nullable or column.has_default or column.name in key):
            changes.append(Change(kind="relax", column=column.name))
    return changes


def _meant(key: Sequence[str], contract: Contract) -> set[str]:
    keys = {matching_key(name) for name in key}
    return {column.name for column in contract.columns if matching_key(column.name) in keys}


def _changes_of(column: Column, wanted: Wanted, *, may_relax: bool) -> list[Change]:
    changes = []
    if (type_ := wider(column.type, wanted.type)) is not None:
        changes.append(Change(kind="widen", column=column.name, before=column.type, type=type_))
    if wanted.nullable and may_relax and not (column.nullable or column.always):
        changes.append(Change(kind="relax", column=column.name))
    return changes


def enlarged(contract: Contract, names: Collection[str]) -> Contract:
    """The contract with the next wider types of these columns, where there are any.

    Example:
        >>> small = Contract(schema="s", table="t", columns=(Column(name="n", type="smallint", kind=Kind.INT2),))
        >>> enlarged(small, {"n"}).columns[0].type
        'integer'
    """
    return replace(
        contract,
        columns=tuple(_enlarged(column) if column.name in names else column for column in contract.columns),
    )


def _enlarged(column: Column) -> Column:
    # char(n) pads its values: as text they would be others.
    bounded = column.length is not None or column.precision is not None
    fixed = column.type.startswith("character(") or (column.kind in (Kind.TEXT, Kind.NUMERIC) and not bounded)
    if fixed or column.kind not in _NEXT:
        return column
    type_, kind = _NEXT[column.kind]
    return replace(column, type=type_, kind=kind, length=None, precision=None, scale=None)


def wider(held: str, new: str) -> str | None:
    """The type that holds the values of both types exactly; None if there is none, or the first one does.

    Example:
        >>> wider("integer", "bigint"), wider("bigint", "integer"), wider("integer", "text")
        ('bigint', None, None)
        >>> wider("numeric(10,2)", "numeric(8,4)"), wider("integer", "numeric(6,2)")
        ('numeric(12,4)', 'numeric(12,2)')
        >>> wider("timestamp(0) without time zone", "timestamp without time zone")
        'timestamp without time zone'
    """
    if held == new or widens(new, held):
        return None
    if widens(held, new):
        return new
    mine, other = _digits(held), _digits(new)
    if mine is not None and other is not None:
        whole, scale = max(mine[0], other[0]), max(mine[1], other[1])
        both = f"numeric({whole + scale},{scale})"
        return None if both == held else both
    left, right = _TIME.fullmatch(held), _TIME.fullmatch(new)
    if left and right and left.group(1, 3) == right.group(1, 3):
        return new if int(right[2] or 6) > int(left[2] or 6) else None
    return None


def _digits(type_: str) -> tuple[int, int] | None:
    """Digits before and after the point."""
    if (found := _NUMERIC.fullmatch(type_)) is not None:
        return int(found[1]) - int(found[2]), int(found[2])
    return (_WHOLE[type_], 0) if type_ in _WHOLE else None


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
