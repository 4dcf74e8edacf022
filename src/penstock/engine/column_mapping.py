"""Brings together the columns of a source and of a target, by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from penstock.model.contract import Column, Contract, matching_key
from penstock.model.errors import ContractError
from penstock.model.plan import CopyPlan


@dataclass(frozen=True, slots=True)
class Match:
    """Which column goes where.

    Args:
        pairs: Target column and name of the source column that fills it, in the table's order.
        key: Names of the target columns that identify a row.
        plan: The plan, its column names replaced by the target's.
        where: Source column and value of the plan's filter.
    """

    pairs: tuple[tuple[Column, str], ...]
    key: tuple[str, ...]
    plan: CopyPlan
    where: tuple[str, str] | None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The target columns that are written."""
        return tuple(column for column, _ in self.pairs)


def match_columns(plan: CopyPlan, contract: Contract, header: Sequence[str]) -> Match:
    """Match by name: case, spaces and underscores aside, and nothing beyond that is guessed.

    Raises:
        ContractError: If either side lacks a column that the other or the plan asks for.
    """
    named = {matching_key(name): name for name in header}
    columns = {matching_key(column.name): column for column in contract.columns}
    _refuse_extra(plan, contract, [name for key, name in named.items() if key not in columns])
    pairs = tuple((column, named[key]) for key, column in columns.items() if key in named)
    if not pairs and (header or contract.columns):
        raise ContractError(
            f"the source has no column of {plan.target}: it has {_list(header)}",
            hint="does the file have a header line? name its columns with --header",
        )
    _refuse_lacking(plan, [column for key, column in columns.items() if key not in named])
    written = {matching_key(column.name): column.name for column, _ in pairs}

    def find(name: str, role: str) -> str:
        if (key := matching_key(name)) in written:
            return written[key]
        raise ContractError(
            f"{role} {name!r} is no column that both the source and {plan.target} have",
            hint=_nearest(name, written.values()),
        )

    key = tuple(find(name, "key column") for name in plan.key)
    if not key and contract.primary_key and set(contract.primary_key) <= set(written.values()):
        key = contract.primary_key
    if plan.mode in ("merge", "mirror") and not key:
        raise ContractError(
            f"a {plan.mode} needs a key, and {plan.target} has no primary key",
            hint="name the columns: --key a,b",
        )
    interval = plan.interval
    if interval is not None:
        interval = replace(interval, column=find(interval.column, "interval column"))
    order_by = None if plan.order_by is None else find(plan.order_by, "order column")
    where = None if plan.where is None else (_source_column(plan, named), plan.where[1])
    return Match(pairs, key, replace(plan, key=key, interval=interval, order_by=order_by), where)


def find_column(name: str, columns: Sequence[Column]) -> Column | None:
    """The column that this name means."""
    wanted = matching_key(name)
    return next((column for column in columns if matching_key(column.name) == wanted), None)


def _source_column(plan: CopyPlan, named: dict[str, str]) -> str:
    assert plan.where is not None  # the caller looked
    name = plan.where[0]
    if (key := matching_key(name)) in named:
        return named[key]
    raise ContractError(f"filter column {name!r} is not in the source", hint=_nearest(name, named.values()))


def _refuse_extra(plan: CopyPlan, contract: Contract, extra: Sequence[str]) -> None:
    if extra and not plan.skip_extra:
        names = [column.name for column in contract.columns]
        raise ContractError(
            f"{plan.target} lacks {_list(extra)}, which the source has",
            hint=f"add the column, or leave it out with --skip-extra; {_nearest(extra[0], names)}",
        )


def _refuse_lacking(plan: CopyPlan, lacking: Sequence[Column]) -> None:
    needed = [column.name for column in lacking if not column.nullable and not column.has_default]
    if needed:
        raise ContractError(
            f"the source lacks {_list(needed)}, which {plan.target} demands",
            hint="add the column to the source, or give it a default in the table",
        )
    empty = [column.name for column in lacking if not column.has_default]
    if empty and not plan.fill_missing:
        raise ContractError(
            f"the source lacks {_list(empty)}, which {plan.target} has",
            hint="load them as NULL with --fill-missing",
        )


def _list(names: Sequence[str]) -> str:
    word = "column" if len(names) == 1 else "columns"
    return f"{word} {', '.join(names)}"


def _nearest(name: str, names: Iterable[str]) -> str:
    candidates = list(names)
    near = difflib.get_close_matches(name, candidates, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(candidates)}"
