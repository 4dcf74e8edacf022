"""What is read at the source: which columns, under which names, of which rows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg.sql import SQL, Composable, Identifier, Literal

from penstock.model.contract import matching_key
from penstock.model.errors import ContractError
from penstock.model.plan import CopyPlan
from penstock.postgres.relay.structure import Field


@dataclass(frozen=True, slots=True)
class Output:
    """One column as it leaves the source.

    Args:
        expression: What makes it there.
        field: Its type and what else is known of it.
        plain: The source's own column that it is, unchanged; None for one that is computed.
    """

    name: str
    expression: Composable
    field: Field
    plain: str | None


def written(text: str) -> SQL:
    """SQL that a person wrote for a database that is theirs: a query, or a column's expression."""
    literal: LiteralString = text
    return SQL(literal)


def find_field(name: str, fields: Sequence[Field], role: str) -> Field:
    """The field that this name means.

    Raises:
        ContractError: If the source has none.
    """
    wanted = matching_key(name)
    exact = [field for field in fields if field.name == name]
    found = exact or [field for field in fields if matching_key(field.name) == wanted]
    if found:
        return found[0]
    names = [field.name for field in fields]
    near = difflib.get_close_matches(name, names, n=1)
    raise ContractError(
        f"{role} {name!r} is not in the source",
        hint=f"did you mean {near[0]}?" if near else f"it has {', '.join(names)}",
    )


def plain_outputs(plan: CopyPlan, fields: Sequence[Field]) -> list[Output]:
    """The source's own columns that the plan asks for: all but generated ones, or those it names."""
    replaced = {matching_key(name) for name, _ in plan.computed}
    if not plan.columns:
        # `new=old` renames: the column goes under its new name only.
        replaced |= {matching_key(text) for _, text in plan.computed}
    if plan.columns:
        chosen = [find_field(name, fields, "column") for name in plan.columns]
    else:
        chosen = [field for field in fields if not field.generated]
    return [
        Output(field.name, Identifier(field.name), field, field.name)
        for field in chosen
        if matching_key(field.name) not in replaced
    ]


def rows_wanted(plan: CopyPlan, fields: Sequence[Field]) -> list[Composable]:
    """Conditions on the source's rows that the plan's filter and interval make."""
    conditions: list[Composable] = []
    if plan.where is not None:
        name, value = plan.where
        field = find_field(name, fields, "filter column")
        conditions.append(SQL("{} = {}").format(Identifier(field.name), Literal(value)))
    if plan.interval is not None:
        field = find_field(plan.interval.column, fields, "interval column")
        conditions.append(
            SQL("{0} >= {1} AND {0} < {2}").format(
                Identifier(field.name), Literal(plan.interval.start), Literal(plan.interval.end)
            )
        )
    return conditions


def all_of(conditions: Iterable[Composable]) -> Composable:
    """``WHERE`` clause of these conditions, or nothing."""
    listed = list(conditions)
    return SQL(" WHERE {}").format(SQL(" AND ").join(listed)) if listed else SQL("")
