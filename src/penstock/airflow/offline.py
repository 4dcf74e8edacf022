"""Airflow in one process, without servers: its settings, made before it is imported, because it reads them once."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from penstock.project import Project
from penstock.stack.options import read_options


def enter(project: Project) -> None:
    """Make this process one in which Airflow, once imported, works on the project and needs no server.

    Settings of `[stack.airflow]` and the caller's own `AIRFLOW__` variables count as they do for the stack.

    Raises:
        UsageError: `penstock.toml` asks for what cannot be.
    """
    os.environ |= _settings(project)
    if str(project.root) not in sys.path:
        sys.path.insert(0, str(project.root))  # `from include.…`, as on the stack


def _settings(project: Project) -> dict[str, str]:
    home = project.make_state_dir("airflow", "run")
    logs = project.make_state_dir("logs")
    habits = {
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH": "50",  # with the default of 2 the DAG's own line may be cut off
        "DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "LOGGING__COLORED_CONSOLE_LOG": "False",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
        "COSMOS__ENABLE_TELEMETRY": "False",
        # Cosmos would store all that the producer told so far in a variable, with each value it tells, for a retry
        # that a run without a scheduler never makes.
        "COSMOS__ENABLE_WATCHER_RELIABLE_RETRY": "False",
    }
    ours = {
        "CORE__DAGS_FOLDER": str(project.root / "dags"),
        "CORE__PLUGINS_FOLDER": str(project.root / "plugins"),
        "CORE__UNIT_TEST_MODE": "False",
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'metadata.db'}",
        "SECRETS__BACKEND": "penstock.airflow.secrets.PenstockSecretsBackend",
        "LOGGING__BASE_LOG_FOLDER": str(project.make_state_dir("logs", "airflow")),
        "COSMOS__CACHE_DIR": str(project.make_state_dir("dbt") / "cosmos"),
    }
    others = {"DBT_LOG_LEVEL_FILE": "info", "DBT_SEND_ANONYMOUS_USAGE_STATS": "False", "DO_NOT_TRACK": "1"}
    python_path = [str(project.root), os.environ.get("PYTHONPATH")]
    return {
        **_named(habits),
        **others,
        **os.environ,
        **_named(read_options(project).airflow),
        **_named(ours),
        "AIRFLOW_HOME": str(home),
        "PENSTOCK_PROJECT": str(project.root),
        "PYTHONPATH": os.pathsep.join(filter(None, python_path)),
        "DBT_LOG_PATH": str(logs),
    }


def _named(settings: Mapping[str, str]) -> dict[str, str]:
    return {f"AIRFLOW__{name}": value for name, value in settings.items()}
