"""A project's DAGs under test: imported here, run in separate processes."""

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

# dbt's connection while it only parses the project; dbt does not connect.
NOWHERE = "postgres://nobody@localhost/nothing"

RUNS_KEPT = 20  # of failed tasks


@dataclass(frozen=True, slots=True)
class Bag:
    """The DAGs of a project.

    Args:
        dags: Airflow's DAG objects by DAG id.
        import_errors: What went wrong with a file, by its path in the project. Two DAGs of one id are an error too.
    """

    dags: Mapping[str, Any]
    import_errors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Run:
    """The result of a DAG run.

    Args:
        state: Airflow's state: `success` or `failed`.
        states: The state of each task, by task id.
        errors: The errors of failed tasks, by task id.
        accounts: The accounts of copies, by task id.
        seconds: Duration, without the start of the process.
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
        # In a separate process: dbt keeps the settings of its first start.
        _call(project, "penstock.airflow.dbt.manifest_main", PENSTOCK_CONN_WAREHOUSE=NOWHERE)
    from penstock.airflow.dag_bag import load

    return Bag(*load(project))


def run_to_the_end(
    project: Project, dag_id: str, *, date: str | None = None, conf: Mapping[str, Any] | None = None
) -> Run:
    """Run a DAG on its own metadata database, which is removed after the run.

    Raises:
        PenstockError: The DAG does not exist, or could not be run.
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
    """The directory of a run; those of failed runs are kept for a while, for their logs."""
    folder = project.make_state_dir("tests", "runs")
    kept = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
    for old in kept[:-RUNS_KEPT]:
        shutil.rmtree(old, ignore_errors=True)  # another worker removes it, too
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
