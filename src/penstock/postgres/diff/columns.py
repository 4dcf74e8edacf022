"""Selects the columns to compare and the key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from psycopg.sql import SQL, Identifier

from penstock.model.columns import find, nearest, pair
from penstock.model.errors import ContractError
from penstock.postgres.diff.relation import Side, Type


@dataclass(frozen=True, slots=True)
class Match:
    """The columns and the key of a comparison.

    Args:
        key: Columns that identify a row. If empty, rows are identified by all values, and duplicates count.
        columns: All compared columns, those of the key first.
        types: Their types on the left and on the right.
        nullable: Columns that may be null on either side.
        only_left: Columns that the right lacks; they are not compared.
        only_right: Columns that the left lacks.
        recoded: The servers store text in different encodings.
    """

    key: tuple[str, ...]
    columns: tuple[str, ...]
    types: dict[str, tuple[Type, Type]]
    nullable: frozenset[str]
    only_left: tuple[str, ...] = ()
    only_right: tuple[str, ...] = ()
    recoded: bool = False


def align(left: Side, right: Side) -> Side:
    """The right side, with its columns renamed to those of the left by the rule of :mod:`penstock.model.columns`.

    Raises:
        ContractError: If a column matches several of the other side.
    """
    pairs = {theirs: mine for mine, theirs in pair(list(left.columns), list(right.columns)).items()}
    if all(mine == theirs for theirs, mine in pairs.items()):
        return right
    names = {name: pairs.get(name, name) for name in right.columns}
    renamed = SQL(", ").join(
        SQL("aligned.{} AS {}").format(Identifier(old), Identifier(new)) for old, new in names.items()
    )
    return replace(
        right,
        relation=SQL("(SELECT {} FROM {} AS aligned)").format(renamed, right.relation),
        columns={names[name]: type_ for name, type_ in right.columns.items()},
        required=frozenset(names[name] for name in right.required),
        primary_key=tuple(names[name] for name in right.primary_key),
    )


def match(left: Side, right: Side, key: Sequence[str] | None = None, columns: Sequence[str] = ()) -> Match:
    """Pair the columns of two sides by name, in any order. Call :func:`align` first if names are spelled differently
    on the right.

    Args:
        key: By default the primary key of the left, or else of the right, if both sides have its columns. If empty,
            the sides are compared as multisets of rows.
        columns: Compare only these and the key; by default all common columns. Of a side without columns only the
            number of rows is compared.

    Raises:
        ContractError: If a side lacks a given column, or the sides have no columns in common.
    """
    shared = [name for name in left.columns if name in right.columns]
    chosen = tuple(
        _first_shared_key(left, right, shared) if key is None else [_find(name, left, right) for name in key]
    )
    only = [_find(name, left, right) for name in columns]
    compared = chosen + tuple(name for name in only or shared if name not in chosen)
    if not compared and left.columns and right.columns:
        raise ContractError(
            f"{left.name} and {right.name} have no columns in common", hint="rename the columns in a view"
        )
    return Match(
        key=chosen,
        columns=tuple(dict.fromkeys(compared)),
        types={name: (left.columns[name], right.columns[name]) for name in compared},
        nullable=frozenset(compared) - (left.required & right.required),
        only_left=() if columns else tuple(name for name in left.columns if name not in right.columns),
        only_right=() if columns else tuple(name for name in right.columns if name not in left.columns),
        recoded=left.encoding != right.encoding,
    )


def _first_shared_key(left: Side, right: Side, shared: Sequence[str]) -> Sequence[str]:
    keys = [side.primary_key for side in (left, right) if set(side.primary_key) <= set(shared)]
    return next((key for key in keys if key), ())


def _find(name: str, left: Side, right: Side) -> str:
    for side in (left, right):
        found = find(name, side.columns)
        if found is None:
            raise ContractError(f"{side.name} has no column {name!r}", hint=nearest(name, side.columns))
        name = found
    return name
