"""Prints the account of a copy or of a landing."""

from __future__ import annotations

import json
from pathlib import Path

from penstock.cli.terminal.streams import echo
from penstock.model.api import Answers, ApiPlan
from penstock.model.plurals import counted
from penstock.model.result import CopyResult, LandResult

_LABEL_WIDTH = 12


def show_account(
    result: CopyResult, target: str, remark: str | None = None, rejects: str | None = None, *, as_json: bool
) -> None:
    """Print the account of a copy, as text or as JSON.

    Args:
        remark: Why nothing was loaded, if that needs an explanation.
        rejects: The command that shows the rejects, if it is to be printed.
    """
    if as_json:
        echo(json.dumps(result.to_dict()))
    elif isinstance(result, LandResult):
        print_landed(result, remark)
    else:
        _print(result, target, remark, rejects)


def _print(result: CopyResult, target: str, remark: str | None, rejects: str | None) -> None:
    from rich.markup import escape

    from penstock.cli.terminal.streams import PenstockConsole

    console = PenstockConsole(soft_wrap=True)
    state = (
        "already copied, nothing changed; account of the first copy:"
        if result.already
        else f"in {result.seconds:.1f} s"
    )
    console.print(f"[bold]{escape(target)}[/bold] {state}")
    for label, count, note in _lines(result):
        console.print(f"  {label:<{_LABEL_WIDTH}}{count:>12,}  {note}".rstrip())
    if result.reading is not None:
        console.print(f"  {escape(result.reading)}")
    for change in result.changes:
        console.print(f"  {escape(change)}")
    if result.visible_rows_only:
        console.print("  visible rows only: rows that row security hides from the login are not counted")
    for check in result.checks:
        console.print(f"  {escape(str(check))}")
    if remark:
        console.print(f"  {remark}")
    console.print(f"  copy {result.id[:12]}")
    if result.rejected and rejects:
        console.print(f"  show the rejects: {rejects}")


def _lines(result: CopyResult) -> list[tuple[str, int, str]]:
    parts = [("inserted", result.inserted), ("updated", result.updated), ("unchanged", result.unchanged)]
    loaded = ", ".join(f"{count:,} {name}" for name, count in parts if count)
    rejected = ", ".join(f"{count:,} {reason}" for reason, count in result.rejects.items())
    lines = [
        ("read", result.read, ""),
        ("loaded", result.loaded, loaded),
        ("duplicates", result.duplicates, ""),
        ("rejected", result.rejected, rejected),
    ]
    if result.replayed:
        lines.append(("replayed", result.replayed, "of the rejects, loaded since"))
    if result.deleted:
        lines.append(("deleted", result.deleted, "rows that the target held before"))
    if result.filtered:
        lines.append(("filtered", result.filtered, "left out by a filter, a flag, --comment or --footer"))
    return lines


def answers_of(path: Path | None) -> Answers | None:
    """The plan's rules for reading records from answers.

    Raises:
        UsageError: If the file does not hold a plan.
    """
    if path is None:
        return None
    from penstock.model.plan_files import read_document

    return ApiPlan.parse(read_document(path)).answers


def print_landed(result: LandResult, remark: str | None = None) -> None:
    """Print the account of a landing.

    Args:
        remark: Why no records were landed, if the error does not say it.
    """
    state = "landed before, nothing was requested" if result.already else f"in {result.seconds:.1f} s"
    echo(f"{result.target} {state}")
    for name, count, note in _landing_lines(result):
        echo(f"  {name:<10}{count:>12,}  {note}".rstrip())
    if remark:
        echo(f"  {remark}")
    echo(f"  label {result.label}")


def _landing_lines(result: LandResult) -> list[tuple[str, int, str]]:
    before = f"{result.landed_before:,} of them before" if result.landed_before else ""
    parts = [("absent", result.absent), ("unchanged", result.unchanged)]
    lines = [
        ("requests", result.requests, ""),
        ("answered", result.answered, before),
        ("answers", result.answers, ", ".join(f"{count:,} {name}" for name, count in parts if count)),
    ]
    if result.fresh:
        lines.append(("not asked", result.fresh, "because an earlier answer is still valid"))
    return [*lines, ("bytes", result.bytes, f"in {counted(result.batches, 'batch')}")]
