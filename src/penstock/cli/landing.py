"""``penstock copy plan.yaml lake:name``: the answers of an API, landed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import typer

from penstock.cli.landing_progress import landing_shown
from penstock.model.address import Api, Lake, parse
from penstock.model.api import Answers, ApiPlan
from penstock.model.errors import UsageError
from penstock.model.land_result import LandResult

_DOCUMENTS = (".yaml", ".yml", ".toml")


def is_landing(source: str, target: str) -> bool:
    """Whether a copy from here to there asks an API."""
    if not isinstance(parse(target), Lake):
        return False
    return isinstance(parse(source), Api) or Path(source).suffix in _DOCUMENTS


def land_and_show(
    source: str, target: str, *, label: str | None, values: Sequence[str], again: bool, as_json: bool
) -> None:
    """Land what a plan's file, or a plain address, asks for, and print the account.

    Raises:
        PenstockError: If answers are missing in the end.
    """
    from stamina.instrumentation import set_on_retry_hooks

    from penstock.rest.landing import Wish, as_plan, land

    set_on_retry_hooks(
        []
    )  # this process's output is the account; where structlog is installed, they would print there
    plan = ApiPlan(source=source) if isinstance(parse(source), Api) else Path(source)
    wish = Wish(target=target, label=label, values=_pairs(values), again=again)
    with landing_shown(quiet=as_json) as progress:
        result = land(as_plan(plan), wish, progress)
    if as_json:
        typer.echo(json.dumps(result.to_dict()))
    else:
        print_landed(result)


def answers_of(path: Path | None) -> Answers | None:
    """How the plan of this file takes records from answers.

    Raises:
        UsageError: If the file holds no plan.
    """
    if path is None:
        return None
    from penstock.model.plan_files import read_document

    return ApiPlan.parse(read_document(path)).answers


def print_landed(result: LandResult) -> None:
    """Write the account of a landing, a line for each thing to know."""
    state = "landed before, nothing was asked" if result.already else f"in {result.seconds:.1f} s"
    typer.echo(f"{result.target} {state}")
    for name, count, note in _lines(result):
        typer.echo(f"  {name:<10}{count:>12,}  {note}".rstrip())
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
        lines.append(("not asked", result.fresh, "for an earlier answer is still good"))
    return [*lines, ("bytes", result.bytes, f"in {result.batches} batch{'es' * (result.batches != 1)}")]


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not (name and sign):
            raise UsageError(f"{text!r} is no value", hint="write it as --value name=value")
        pairs[name] = value
    return pairs
