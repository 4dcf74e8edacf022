"""``penstock copy --all``: copies a schema, with progress for each table and one account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from penstock.cli.progress import shown
from penstock.cli.terminal.streams import echo
from penstock.model.outcome import NothingLoaded, remark
from penstock.model.plan import CopyPlan
from penstock.model.plurals import counted
from penstock.model.result import CopyResult

if TYPE_CHECKING:
    from penstock.ports import Progress


def copy_all(plan: CopyPlan, *, again: bool, as_json: bool) -> None:
    """Copy all tables of a schema and print their accounts."""
    from penstock.routes.schema import run_all

    def progress(table: str, number: int, tables: int) -> AbstractContextManager[Progress | None]:
        return shown(quiet=as_json, name=f"{table} ({number} of {tables})")

    try:
        result = run_all(plan, progress, again=again)
    except NothingLoaded as nothing:
        _show(plan, nothing.tables, nothing.result, as_json=as_json)
        raise
    _show(plan, result.tables, result.total, as_json=as_json)


def _show(plan: CopyPlan, tables: Mapping[str, CopyResult], total: CopyResult, *, as_json: bool) -> None:
    if as_json:
        each = {name: one.to_dict() for name, one in tables.items()}
        echo(json.dumps({"tables": each, "total": total.to_dict()}))
    else:
        _print(plan, tables, total)


def _print(plan: CopyPlan, tables: Mapping[str, CopyResult], total: CopyResult) -> None:
    from rich.markup import escape

    from penstock.cli.terminal.streams import PenstockConsole

    console = PenstockConsole(soft_wrap=True)
    width = max(len(name) for name in tables)
    console.print(
        f"[bold]{escape(plan.target)}[/bold] {counted(len(tables), 'table')} in {total.seconds:.1f} s"
    )
    for name, one in [*tables.items(), ("all", total)]:
        rejected = ", ".join(f"{count:,} {reason}" for reason, count in one.rejects.items())
        notes = [
            f"{one.updated:,} updated" if one.updated else "",
            f"{one.unchanged:,} unchanged" if one.unchanged else "",
            counted(one.duplicates, "duplicate") if one.duplicates else "",
            f"{one.deleted:,} deleted" if one.deleted else "",
            f"rejected: {rejected}" if rejected else "",
            "copied before" if one.already else "",
        ]
        line = f"  {name:<{width}}  {one.read:>12,} read {one.loaded:>12,} loaded  {', '.join(filter(None, notes))}"
        console.print(escape(line.rstrip()))
    if (said := remark(plan, total)) is not None:
        console.print(f"  {said}")
