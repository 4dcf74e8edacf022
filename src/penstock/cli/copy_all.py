"""``penstock copy --all``: copies a schema, with progress for each table and one account."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from penstock.cli.copy_options import Tables
from penstock.cli.progress import shown
from penstock.cli.terminal.streams import echo
from penstock.model.errors import PenstockError
from penstock.model.outcome import NothingLoaded, TablesFailed, remark
from penstock.model.plan import CopyPlan
from penstock.model.plurals import counted
from penstock.model.result import CopyResult

if TYPE_CHECKING:
    from penstock.ports import Progress

_NAMES = 10  # printed of each kind of object that was not copied


def copy_all(plan: CopyPlan, tables: Tables, *, again: bool, as_json: bool) -> None:
    """Copy all tables of a schema and print their accounts."""
    from penstock.routes.schema import Selection, run_all

    def progress(table: str, number: int, tables: int) -> AbstractContextManager[Progress | None]:
        return shown(quiet=as_json, name=f"{table} ({number} of {tables})")

    selection = Selection.parse(
        tables.include or (), tables.exclude or (), tables.mode_for or (), keep_going=tables.keep_going
    )
    try:
        result = run_all(plan, progress, again=again, selection=selection)
    except NothingLoaded as nothing:
        _show(plan, nothing.tables, nothing.result, as_json=as_json)
        raise
    except TablesFailed as stopped:
        _show(plan, stopped.tables, stopped.result, failed=stopped.failed, as_json=as_json)
        raise
    _show(plan, result.tables, result.total, not_copied=result.not_copied, as_json=as_json)


def _show(  # the parts of an account
    plan: CopyPlan,
    tables: Mapping[str, CopyResult],
    total: CopyResult,
    *,
    failed: Mapping[str, PenstockError] | None = None,
    not_copied: Mapping[str, Sequence[str]] | None = None,
    as_json: bool,
) -> None:
    errors = {name: error.message for name, error in (failed or {}).items()}
    if as_json:
        account: dict[str, object] = {name: one.to_dict() for name, one in tables.items()}
        others: dict[str, object] = {"failed": errors} if errors else {"not_copied": not_copied or {}}
        echo(json.dumps({"tables": account, "total": total.to_dict(), **others}))
    else:
        _print(plan, tables, total, errors)
        for kind, names in (not_copied or {}).items():
            more = f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
            echo(f"  not copied: {kind} {', '.join(names[:_NAMES])}{more}")


def _print(
    plan: CopyPlan, tables: Mapping[str, CopyResult], total: CopyResult, errors: Mapping[str, str]
) -> None:
    from rich.markup import escape

    from penstock.cli.terminal.streams import PenstockConsole

    console = PenstockConsole(soft_wrap=True)
    width = max(len(name) for name in [*tables, *errors])
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
        for change in one.changes:
            console.print(escape(f"  {'':<{width}}  {change}"))
    for name, message in errors.items():
        console.print(escape(f"  {name:<{width}}  failed: {message}"))
    if (said := remark(plan, total)) is not None:
        console.print(f"  {said}")
