"""Environment variables for Airflow in a single process, without servers."""

from __future__ import annotations

from pathlib import Path

from penstock.project import Project
from penstock.stack.airflow_settings import airflow_variables
from penstock.stack.config import read_options

RUN_LOCK = ("airflow", "run.lock")  # held by the user of `penstock run`'s metadata database


def airflow_alone(project: Project, database: Path | None = None) -> dict[str, str]:
    """Return the caller's environment with the settings for Airflow on a separate metadata database.

    `[stack.airflow]` and the caller's `AIRFLOW__` variables apply as they do in the stack.

    Args:
        database: Path of the database; by default that of `penstock run`.

    Raises:
        UsageError: `penstock.toml` is invalid.
    """
    return airflow_variables(
        project,
        run_database(project).parent,
        # With the default of 2, the line in the DAG file may be missing.
        habits={"CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH": "50"},
        chosen=read_options(project).airflow,
        fixed={
            "CORE__UNIT_TEST_MODE": "False",
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{database or run_database(project)}",
        },
    )


def run_database(project: Project) -> Path:
    """Return the path of `penstock run`'s metadata database."""
    return project.make_state_dir("airflow", "run") / "metadata.db"
