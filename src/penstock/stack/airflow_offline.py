"""The variables with which Airflow works in one process, without servers."""

from __future__ import annotations

from pathlib import Path

from penstock.project import Project
from penstock.stack.airflow_settings import airflow_variables
from penstock.stack.config import read_options

RUN_LOCK = ("airflow", "run.lock")  # held by whoever uses the metadata database of `penstock run`


def airflow_alone(project: Project, database: Path | None = None) -> dict[str, str]:
    """The caller's variables, and those of Airflow on a metadata database that no server knows.

    Settings of `[stack.airflow]` and the caller's own `AIRFLOW__` variables count as they do for the stack.

    Args:
        database: By default the one of `penstock run`.

    Raises:
        UsageError: `penstock.toml` asks for what cannot be.
    """
    return airflow_variables(
        project,
        run_database(project).parent,
        # With the default of 2 the DAG's own line may be cut off.
        habits={"CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH": "50"},
        chosen=read_options(project).airflow,
        fixed={
            "CORE__UNIT_TEST_MODE": "False",
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{database or run_database(project)}",
        },
    )


def run_database(project: Project) -> Path:
    """The metadata database of `penstock run`, in Airflow's home there."""
    return project.make_state_dir("airflow", "run") / "metadata.db"
