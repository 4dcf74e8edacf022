"""A project's DAGs under test: imported here, run in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from penstock.model.errors import PenstockError
from penstock.project import Project

# What dbt is told while it only reads the project; nothing is connected to.
NOWHERE = "postgres://nobody@localhost/nothing"

RUNS_KEPT = 20  # of those that failed


@dataclass(frozen=True, slots=True)
class Bag:
    """The DAGs of a project.

    Args:
        dags: Airflow's own objects, by DAG id.
        import_errors: What went wrong with a file, by its path in the project. Two DAGs of one id are an error too.
    """

    dags: Mapping[str, Any]
    import_errors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a DAG, when it has ended.

    Args:
        state: Airflow's word for how it ended: `success` or `failed`.
        states: The same of each task, by task id.
        errors: What failed tasks said, by task id.
        accounts: What copies said of their rows, by task id.
        seconds: What it took, without the start of the process.
    """

    state: str
    states: Mapping[str, str]
    errors: Mapping[str, str] = field(default_factory=dict)
    accounts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    seconds: float = 0.0


def load_bag(project: Project) -> Bag:
    """Import every DAG of the project.

    Raises:
        PenstockError: dbt cannot parse the project's models.
    """
    if find_spec("airflow") is None:
        raise PenstockError("Airflow is not installed", hint="pip install 'penstock[airflow]'")
    if (project.root / "dbt").is_dir():
        # In a process of its own: dbt keeps what it was started with.
        _call(project, "penstock.airflow.dbt.manifest_main", PENSTOCK_CONN_WAREHOUSE=NOWHERE)
    from penstock.airflow.dag_bag import load

    return Bag(*load(project))


def run_to_the_end(
    project: Project, dag_id: str, *, date: str | None = None, conf: Mapping[str, Any] | None = None
) -> Run:
    """Run a DAG on a metadata database of its own, which goes with the run.

    Raises:
        PenstockError: There is no such DAG, or it was not run at all.
    """
    apart = _apart(project)
    words = [dag_id, "--conf", json.dumps(conf or {}), *(["--date", date] if date else [])]
    done = _call(project, "penstock.airflow.run_main", *words, "--apart", str(apart))
    if not done.returncode:
        shutil.rmtree(apart)
    events = list(_events(done.stdout))
    ends = [one for one in events if one["event"] == "end"]
    whole = [one for one in events if one["event"] == "done"]
    if not whole:
        said = next((one for one in events if one["event"] == "error"), None)
        raise PenstockError(
            said["message"]
            if said
            else f"{dag_id} was not run: {done.stderr.strip() or done.stdout.strip()}",
            hint=said.get("hint") if said else f"see {project.state_dir / 'logs' / 'airflow-run.log'}",
        )
    return Run(
        state=whole[-1]["state"],
        states={one["task"]: str(one["state"]) for one in ends},
        errors={one["task"]: one["error"] for one in ends if one.get("error")},
        accounts={one["task"]: one["account"] for one in ends if one.get("account")},
        seconds=whole[-1]["seconds"],
    )


def _apart(project: Project) -> Path:
    """A directory of the run's own; those of runs that failed are kept for a while, for their logs."""
    folder = project.make_state_dir("tests", "runs")
    kept = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
    for old in kept[:-RUNS_KEPT]:
        shutil.rmtree(old, ignore_errors=True)  # another worker does the same
    return Path(tempfile.mkdtemp(dir=folder))


def _call(project: Project, module: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=project.root,
        env=os.environ | {"PENSTOCK_PROJECT": str(project.root)} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def _events(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if line.startswith("{"):
            yield json.loads(line)
