"""Environment variables for every Airflow of a project, with or without servers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from penstock.project import Project

BACKEND = "penstock.airflow.secrets.PenstockSecretsBackend"

_HABITS: Mapping[str, str] = {
    "CORE__LOAD_EXAMPLES": "False",
    "DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
    "LOGGING__COLORED_CONSOLE_LOG": "False",
    "USAGE_DATA_COLLECTION__ENABLED": "False",
    "COSMOS__ENABLE_TELEMETRY": "False",
    # With each value it pushes, Cosmos would store all earlier values in a variable, for a retry that it does not
    # support and that a run without a scheduler never makes.
    "COSMOS__ENABLE_WATCHER_RELIABLE_RETRY": "False",
}
_OTHERS: Mapping[str, str] = {
    "DBT_LOG_LEVEL_FILE": "info",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
    "DO_NOT_TRACK": "1",
}


def airflow_variables(
    project: Project,
    home: Path,
    *,
    habits: Mapping[str, str],
    chosen: Mapping[str, str],
    fixed: Mapping[str, str],
) -> dict[str, str]:
    """Return the caller's environment with Airflow's settings. Names of settings look like ``CORE__PARALLELISM``.

    Args:
        home: Airflow's home directory.
        habits: Defaults; the caller's ``AIRFLOW__`` variables override them.
        chosen: The project's settings, which override both.
        fixed: Settings that cannot be overridden.
    """
    ours = {
        "CORE__DAGS_FOLDER": str(project.root / "dags"),
        "CORE__PLUGINS_FOLDER": str(project.root / "plugins"),
        "SECRETS__BACKEND": BACKEND,
        "LOGGING__BASE_LOG_FOLDER": str(project.make_state_dir("logs", "airflow")),
        "COSMOS__CACHE_DIR": str(project.make_state_dir("dbt") / "cosmos"),
    }
    return {
        **_named({**_HABITS, **habits}),
        **_OTHERS,
        **os.environ,
        **_named({**chosen, **ours, **fixed}),
        "AIRFLOW_HOME": str(home),
        "PENSTOCK_PROJECT": str(project.root),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(project.root), os.environ.get("PYTHONPATH")])),
        "DBT_LOG_PATH": str(project.make_state_dir("logs")),
    }


def _named(settings: Mapping[str, str]) -> dict[str, str]:
    return {f"AIRFLOW__{name}": value for name, value in settings.items()}
