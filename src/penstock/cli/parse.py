"""`penstock parse`: imports every DAG file and reports errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import typer

from penstock.cli.environment_options import AsJson
from penstock.cli.terminal.streams import echo
from penstock.model.errors import NothingDone, PenstockError
from penstock.model.plurals import counted
from penstock.project import Project, find_project

app = typer.Typer()


class ProblemsFound(PenstockError):
    """The project's DAGs have errors, which were printed."""


@app.command()
def parse(*, as_json: AsJson = False) -> None:
    """Import every DAG file as Airflow does, and report errors with file, line and cause. Needs no server.

    Also finds duplicate DAG ids, files that Airflow silently skips, and connections and variables that DAGs use and
    the environment lacks. Exit codes: 0 nothing wrong, 1 problems, 5 no DAG found. See
    docs/reference/exit-codes.md.

    Example: penstock parse --json
    """
    began = time.monotonic()
    project = find_project()
    if find_spec("airflow") is None:
        raise PenstockError("Airflow is not installed", hint="pip install 'penstock[airflow,stack]'")
    with _importing(project) as process:
        lacking = [
            _as_problem(error) for error in _lacking(project)
        ]  # while Airflow starts in the other process
        events = list(_events(process, project))
    dags = [_without_kind(event) for event in events if event["event"] == "dag"]
    problems = [_without_kind(event) for event in events if event["event"] == "problem"] + lacking
    notes = [_without_kind(event) for event in events if event["event"] == "note"]
    files = events[-1]["files"]
    seconds = round(time.monotonic() - began, 2)
    if as_json:
        found = {"files": files, "dags": dags, "problems": problems, "notes": notes, "seconds": seconds}
        echo(json.dumps(found))
    else:
        for one in problems:
            echo(_line(one))
        for one in notes:
            echo(f"note: {_line(one)}")
        wrong = (
            counted(len(problems), "problem") if problems else "nothing wrong" if dags else "nothing to check"
        )
        echo(f"{counted(files, 'file')}, {counted(len(dags), 'DAG')}, {wrong}, {seconds:.1f} s")
    if problems:
        raise ProblemsFound(counted(len(problems), "problem"))
    if not dags:
        where = "no DAG files" if not files else f"no DAG in {counted(files, 'file')}"
        raise NothingDone(f"{where} of {project.root / 'dags'}", hint="put DAG files in dags/**/*.py")


def _importing(project: Project) -> subprocess.Popen[str]:
    project.make_state_dir("logs")  # reports a broken state directory
    return subprocess.Popen(
        [sys.executable, "-m", "penstock.airflow.parse_main"],
        env=os.environ | {"PENSTOCK_PROJECT": str(project.root)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )


def _events(process: subprocess.Popen[str], project: Project) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    last: dict[str, Any] = {"event": "", "file": "the first file"}
    for line in process.stdout:
        event: dict[str, Any] = json.loads(line)
        if event["event"] == "error":
            raise PenstockError(event["message"], hint=event["hint"])
        last = event if event["event"] in ("file", "finished") else last
        yield event
    if last["event"] != "finished":
        code = process.wait()
        raise PenstockError(
            f"the process that imports DAG files crashed at {last['file']}, exit code {code}",
            hint=f"see {project.state_dir / 'logs' / 'airflow-parse.log'}",
        )


def _lacking(project: Project) -> Iterator[PenstockError]:
    """The names that DAGs use and neither the environment in use nor the process's variables define."""
    from penstock.environments import load
    from penstock.environments.dag_references import demands
    from penstock.environments.missing_names import default, lacking
    from penstock.lookup import EMBEDDED

    try:
        environment = load(project.root, None)
    except PenstockError as error:
        yield error
        return
    asked = demands(project.root)
    elsewhere = {one.name for one in asked if one.name is not None and _is_variable(one.kind, one.name)}
    if environment.name in ("", default(project.root)):
        elsewhere |= set(EMBEDDED)
    yield from lacking(environment, asked, elsewhere)


def _is_variable(kind: str, name: str) -> bool:
    prefixes = (
        ("PENSTOCK_CONN_", "AIRFLOW_CONN_") if kind == "connection" else ("PENSTOCK_VAR_", "AIRFLOW_VAR_")
    )
    return any(f"{prefix}{name.upper()}" in os.environ for prefix in prefixes)


def _as_problem(error: PenstockError) -> dict[str, Any]:
    return {"file": None, "line": None, "message": error.message, "hint": error.hint}


def _without_kind(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "event"}


def _line(problem: dict[str, Any]) -> str:
    place = f"{problem['file']}:{problem['line']}: " if problem["line"] else f"{problem['file']}: "
    hint = f" ({problem['hint']})" if problem["hint"] else ""
    return f"{place if problem['file'] else ''}{problem['message']}{hint}"
