"""Which columns of two sides are compared, and which of them say that two rows are the same row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.model.errors import ContractError
from penstock.postgres.diff.relation import Side, Type


@dataclass(frozen=True, slots=True)
class Match:
    """How two sides are compared.

    Args:
        key: Columns that identify a row. Empty: a row is all of its values, and counts as often as it is there.
        columns: All columns that are compared, those of the key first.
        types: Their types on the left and on the right.
        nullable: Those that may hold null on either side.
        only_left: Columns that the right lacks; they are not compared.
        only_right: Columns that the left lacks.
        recoded: The servers keep text in different encodings.
    """

    key: tuple[str, ...]
    columns: tuple[str, ...]
    types: dict[str, tuple[Type, Type]]
    nullable: frozenset[str]
    only_left: tuple[str, ...] = ()
    only_right: tuple[str, ...] = ()
    recoded: bool = False


def match(left: Side, right: Side, key: Sequence[str] | None = None, columns: Sequence[str] = ()) -> Match:
    """Pair the columns of two sides by their names, whatever their order.

    Args:
        key: By default the primary key of the left, else of the right, if both sides have its columns; an empty one
            compares the sides as bags of rows.
        columns: Compare these and the key only; by default all that both sides have.

    Raises:
        ContractError: If a column is named that a side lacks, or the sides have no column in common.
    """
    shared = [name for name in left.columns if name in right.columns]
    chosen = tuple(_first_shared_key(left, right, shared) if key is None else key)
    _require((*chosen, *columns), left, right)
    compared = chosen + tuple(name for name in columns or shared if name not in chosen)
    if not compared:
        raise ContractError(
            f"{left.name} and {right.name} have no column in common", hint="name the columns alike, in a view"
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


def _require(names: Sequence[str], left: Side, right: Side) -> None:
    for side in (left, right):
        for name in names:
            if name not in side.columns:
                raise ContractError(
                    f"{side.name} has no column {name!r}", hint=f"it has {', '.join(side.columns)}"
                )
