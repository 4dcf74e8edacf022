"""Maps columns of a source to columns of a target by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from penstock.model.columns import nearest, pair, require
from penstock.model.contract import Column, Contract, Kind
from penstock.model.errors import ContractError, UsageError
from penstock.model.plan import CopyPlan

_SHOWN = 20  # names in a message


@dataclass(frozen=True, slots=True)
class Match:
    """A column mapping.

    Args:
        pairs: Target columns and the names of their source columns, in the table's order.
        key: Names of the target columns that identify a row.
        plan: The plan, with the target's column names.
        where: Source column and value of the plan's filter.
    """

    pairs: tuple[tuple[Column, str], ...]
    key: tuple[str, ...]
    plan: CopyPlan
    where: tuple[str, str] | None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The target columns that are loaded."""
        return tuple(column for column, _ in self.pairs)


def match_columns(plan: CopyPlan, contract: Contract, header: Sequence[str]) -> Match:
    """Match columns by the rule of :mod:`penstock.model.columns`.

    Raises:
        ContractError: If one side lacks a column that the other or the plan requires.
        UsageError: If the plan filters the rows of a mirror.
    """
    if plan.mode == "mirror" and plan.where is not None:
        # A filter of texts cannot say which rows of the table it covers.
        raise UsageError(
            "mode mirror with a filter would delete the other rows of the table",
            hint="use --mode merge, or --mode interval",
        )
    named = pair([column.name for column in contract.columns], header)
    _refuse_extra(plan, contract, [name for name in header if name not in named.values()])
    pairs = tuple((column, named[column.name]) for column in contract.columns if column.name in named)
    if not pairs and (header or contract.columns):
        raise ContractError(
            f"the source has no column of {plan.target}: it has {_list(header)}",
            hint="if the file has no header line, name its columns with --header",
        )
    _refuse_lacking(plan, [column for column in contract.columns if column.name not in named])
    written = [column.name for column, _ in pairs]

    def find(name: str, role: str) -> str:
        return require(name, written, role, f"what the source and {plan.target} share")

    key = tuple(find(name, "key column") for name in plan.key)
    if not key and contract.primary_key and set(contract.primary_key) <= set(written):
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
    flag = None if plan.delete_flag is None else find(plan.delete_flag, "delete flag")
    if flag is not None and contract.column(flag).kind is not Kind.BOOL:
        raise ContractError(
            f"the delete flag {flag} of {plan.target} is {contract.column(flag).type}, not boolean",
            hint=f"from a table, compute it: --column '{flag}={flag} IS NOT NULL'",
        )
    where = None
    if plan.where is not None:
        where = require(plan.where[0], header, "filter column", "the source"), plan.where[1]
    return Match(
        pairs, key, replace(plan, key=key, interval=interval, order_by=order_by, delete_flag=flag), where
    )


def _refuse_extra(plan: CopyPlan, contract: Contract, extra: Sequence[str]) -> None:
    if extra and not plan.skip_extra:
        names = [column.name for column in contract.columns]
        raise ContractError(
            f"the source has {_list(extra)}, but {plan.target} does not",
            hint=f"add the column, or skip it with --skip-extra; {nearest(extra[0], names)}",
        )


def _refuse_lacking(plan: CopyPlan, lacking: Sequence[Column]) -> None:
    needed = [column.name for column in lacking if not column.nullable and not column.has_default]
    if needed:
        raise ContractError(
            f"the source lacks {_list(needed)}, which {plan.target} requires",
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
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"{word} {', '.join(names[:_SHOWN])}{more}"
