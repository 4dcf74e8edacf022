"""`penstock upgrade-check`: finds what would break with other versions."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.environment_options import AsJson
from penstock.cli.terminal.streams import echo, legible
from penstock.model.errors import PenstockError
from penstock.model.plurals import counted
from penstock.project import find_project

if TYPE_CHECKING:
    from penstock.devtools.upgrade import Problem, Report

app = typer.Typer()

SHOWN = 6  # packages to list; the rest are counted


class WouldBreak(PenstockError):
    """Something works now and would break; the report was printed."""


@app.command()
def upgrade_check(
    *,
    airflow: Annotated[
        str | None,
        typer.Option(
            metavar="V",
            help="Airflow version, such as 3.2. Default: the newest that the project allows.",
        ),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(
            metavar="V",
            help="Python version, which must be installed, such as 3.12. Default: the current one.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Test the project's requirements and DAGs with other versions, in a temporary environment. Changes nothing.

    Exit codes: 0 nothing would break, 1 something would break. See docs/reference/exit-codes.md.

    Example: penstock upgrade-check --airflow 3.2 --python 3.12
    """
    from penstock.devtools.upgrade import check

    report = check(find_project(), airflow, python, lambda step: echo(f"{step} ...", err=True))
    if as_json:
        echo(json.dumps(asdict(report)))
    else:
        _print(report)
    if report.broken:
        raise WouldBreak(f"{counted(len(report.broken), 'thing')} would break")


def _print(report: Report) -> None:
    if report.versions:
        airflow = report.versions.get("apache-airflow", "none")
        echo(
            f"Airflow {airflow}, Python {report.python}, {counted(len(report.versions), 'package')}, "
            f"{counted(report.dags, 'DAG')}"
        )
        changed = [f"{name} {now} -> {then}" for name, (now, then) in sorted(report.changed.items())]
        first = [
            one for one in changed if one.startswith(("apache-airflow ", "dbt-core ", "astronomer-cosmos "))
        ]
        shown = [*first, *(one for one in changed if one not in first)][:SHOWN]
        more = f" and {len(changed) - len(shown)} more" if len(changed) > len(shown) else ""
        echo(f"changed versions: {', '.join(shown) or 'none'}{more}")
    for problem in report.problems:
        echo(_line(problem))
    if not report.problems:
        echo("nothing would break")
    for note in report.notes:
        echo(f"note: {note}")


def _line(problem: Problem) -> str:
    mark = legible("·" if problem.today else "!" if problem.kind in ("deprecation", "changed") else "✗")
    where = f"{problem.where}: " if problem.where else ""
    today = " (so it is today)" if problem.today else ""
    return f"{mark} {problem.kind}: {where}{problem.message}{today}"
