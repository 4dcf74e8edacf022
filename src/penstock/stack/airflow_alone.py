"""The variables with which Airflow works in one process, without servers."""

from __future__ import annotations

import os
from collections.abc import Mapping

from penstock.project import Project
from penstock.stack.options import read_options

_HABITS: Mapping[str, str] = {
    "CORE__LOAD_EXAMPLES": "False",
    "CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH": "50",  # with the default of 2 the DAG's own line may be cut off
    "DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
    "LOGGING__COLORED_CONSOLE_LOG": "False",
    "USAGE_DATA_COLLECTION__ENABLED": "False",
    "COSMOS__ENABLE_TELEMETRY": "False",
    # Cosmos would store all that the producer told so far in a variable, with each value it tells, for a retry that a
    # run without a scheduler never makes.
    "COSMOS__ENABLE_WATCHER_RELIABLE_RETRY": "False",
}
_OTHERS: Mapping[str, str] = {
    "DBT_LOG_LEVEL_FILE": "info",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
    "DO_NOT_TRACK": "1",
}


def airflow_alone(project: Project) -> dict[str, str]:
    """The caller's variables, and those of Airflow on a metadata database that no server knows.

    Settings of `[stack.airflow]` and the caller's own `AIRFLOW__` variables count as they do for the stack.

    Raises:
        UsageError: `penstock.toml` asks for what cannot be.
    """
    home = project.make_state_dir("airflow", "run")
    ours = {
        "CORE__DAGS_FOLDER": str(project.root / "dags"),
        "CORE__PLUGINS_FOLDER": str(project.root / "plugins"),
        "CORE__UNIT_TEST_MODE": "False",
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'metadata.db'}",
        "SECRETS__BACKEND": "penstock.airflow.secrets.PenstockSecretsBackend",
        "LOGGING__BASE_LOG_FOLDER": str(project.make_state_dir("logs", "airflow")),
        "COSMOS__CACHE_DIR": str(project.make_state_dir("dbt") / "cosmos"),
    }
    return {
        **_named(_HABITS),
        **_OTHERS,
        **os.environ,
        **_named(read_options(project).airflow),
        **_named(ours),
        "AIRFLOW_HOME": str(home),
        "PENSTOCK_PROJECT": str(project.root),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(project.root), os.environ.get("PYTHONPATH")])),
        "DBT_LOG_PATH": str(project.make_state_dir("logs")),
    }


def _named(settings: Mapping[str, str]) -> dict[str, str]:
    return {f"AIRFLOW__{name}": value for name, value in settings.items()}
