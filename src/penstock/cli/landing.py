"""``penstock copy plan.yaml lake:name``: reads API plans, and prints the account of a landing."""

from __future__ import annotations

from pathlib import Path

import typer

from penstock.model.api import Answers, ApiPlan
from penstock.model.land_result import LandResult
from penstock.model.plurals import counted


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
        remark: Why there are no records, if the error does not say it.
    """
    state = "landed before, nothing was requested" if result.already else f"in {result.seconds:.1f} s"
    typer.echo(f"{result.target} {state}")
    for name, count, note in _lines(result):
        typer.echo(f"  {name:<10}{count:>12,}  {note}".rstrip())
    if remark:
        typer.echo(f"  {remark}")
    typer.echo(f"  label {result.label}")


def _lines(result: LandResult) -> list[tuple[str, int, str]]:
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
