"""The variables with which Airflow works in one process, without servers."""

from __future__ import annotations

from penstock.project import Project
from penstock.stack.airflow_variables import airflow_variables
from penstock.stack.options import read_options


def airflow_alone(project: Project) -> dict[str, str]:
    """The caller's variables, and those of Airflow on a metadata database that no server knows.

    Settings of `[stack.airflow]` and the caller's own `AIRFLOW__` variables count as they do for the stack.

    Raises:
        UsageError: `penstock.toml` asks for what cannot be.
    """
    home = project.make_state_dir("airflow", "run")
    return airflow_variables(
        project,
        home,
        # With the default of 2 the DAG's own line may be cut off.
        habits={"CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH": "50"},
        chosen=read_options(project).airflow,
        fixed={
            "CORE__UNIT_TEST_MODE": "False",
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'metadata.db'}",
        },
    )
