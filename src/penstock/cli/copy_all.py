"""``penstock copy --all``: a whole schema, a line of progress for each table, one account."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import typer

from penstock.cli.progress import PlainProgress, RichProgress
from penstock.model.plan import CopyPlan

if TYPE_CHECKING:
    from penstock.ports import Progress
    from penstock.routes.schema import SchemaResult


def copy_all(plan: CopyPlan, *, again: bool, as_json: bool) -> None:
    """Copy all tables of a schema and print what became of every row."""
    from penstock.routes.schema import run_all

    result = run_all(plan, _quiet if as_json else _shown, again=again)
    if as_json:
        tables = {name: one.to_dict() for name, one in result.tables.items()}
        typer.echo(json.dumps({"tables": tables, "total": result.total.to_dict()}))
    else:
        _print(plan, result)


def _quiet(_: str) -> nullcontext[None]:
    return nullcontext()


@contextmanager
def _shown(table: str) -> Iterator[Progress | None]:
    if not sys.stderr.isatty():
        yield PlainProgress()
        return
    progress = RichProgress(table)
    with progress.bar:
        yield progress


def _print(plan: CopyPlan, result: SchemaResult) -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    width = max(len(name) for name in result.tables)
    console.print(f"[bold]{plan.target}[/bold] {len(result.tables)} tables in {result.total.seconds:.1f} s")
    for name, one in [*result.tables.items(), ("all", result.total)]:
        rejected = ", ".join(f"{count:,} {reason}" for reason, count in one.rejects.items())
        notes = [
            f"{one.updated:,} updated" if one.updated else "",
            f"{one.unchanged:,} unchanged" if one.unchanged else "",
            f"{one.duplicates:,} duplicates" if one.duplicates else "",
            f"{one.deleted:,} deleted" if one.deleted else "",
            f"rejected: {rejected}" if rejected else "",
            "copied before" if one.already else "",
        ]
        line = f"  {name:<{width}}  {one.read:>12,} read {one.loaded:>12,} loaded  {', '.join(filter(None, notes))}"
        console.print(line.rstrip())
