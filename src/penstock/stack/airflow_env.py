"""Environment variables for Airflow's processes, with and without servers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from penstock.model.errors import PenstockError
from penstock.project import Project
from penstock.stack.airflow_credentials import LOGIN, STATE, keys, passwords_file, secret_commands
from penstock.stack.port_config import ALLOWED_HOSTS, LOOPBACK_NAMES, Options, read_options
from penstock.stack.postgres import server

METADATA = "metadata"  # name of the server
DATABASE = "airflow"  # name of its database


def airflow_environment(project: Project, options: Options) -> dict[str, str]:
    """Return the environment for Airflow's processes, and for its command line against the running stack.

    `[stack.airflow]` overrides the caller's `AIRFLOW__` variables. Neither can override settings that the stack depends
    on.

    Raises:
        PenstockError: The metadata server was never started.
    """
    secret = {"DATABASE__SQL_ALCHEMY_CONN": _metadata_url(project), **keys(project)}
    variables = airflow_variables(
        project,
        project.make_state_dir(STATE, "home"),
        habits=_HABITS,
        chosen=options.airflow,
        fixed={**_settings(project, options), **secret_commands(project, secret)},
    )
    for name in _named(secret):  # the caller's would take precedence
        variables.pop(name, None)
    if options.is_local:
        variables[ALLOWED_HOSTS] = ",".join((*LOOPBACK_NAMES, *options.hosts))
    # By default glibc gives each thread its own arena, which wastes memory.
    return {"MALLOC_ARENA_MAX": "2", **variables}


_HABITS: Mapping[str, str] = {
    "CORE__PARALLELISM": "8",  # the default of 32 forks as many workers
    # 0.1 s costs 17 % of a core and six tasks take 1 to 2 s; 0.25 s costs 7.5 % and they take 2 to 3 s.
    "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.25",
    "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
    "DAG_PROCESSOR__REFRESH_INTERVAL": "10",  # delay until a new file is found; the default is five minutes
    "API__WORKERS": "1",
    "LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
    "LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
}


def _settings(project: Project, options: Options) -> dict[str, str]:
    """The settings that the stack depends on."""
    backend = {"project": str(project.root)}
    if environment := os.environ.get("PENSTOCK_ENV"):
        backend["environment"] = environment
    backend_kwargs = json.dumps(backend)
    url = f"http://{options.own_host}:{options.port}"
    return {
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__HOSTNAME_CALLABLE": "airflow.utils.net.get_host_ip_address",
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{LOGIN}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords_file(project)),
        "API__HOST": options.host,
        "API__PORT": str(options.port),
        "API__BASE_URL": f"http://localhost:{options.port}" if options.is_local else url,
        "DATABASE__CHECK_MIGRATIONS": "False",  # migrations run before anything starts
        "SECRETS__BACKEND_KWARGS": backend_kwargs,
        "WORKERS__SECRETS_BACKEND": BACKEND,
        "WORKERS__SECRETS_BACKEND_KWARGS": backend_kwargs,
    }


def _metadata_url(project: Project) -> str:
    found = server.load(project, METADATA)
    if found is None:
        raise PenstockError("the metadata server was never started", hint="penstock start")
    password = quote(found.password.reveal(), safe="")
    return f"postgresql+psycopg2://{server.LOGIN}:{password}@{server.HOST}:{found.port}/{DATABASE}"


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


BACKEND = "penstock.airflow.secrets.PenstockSecretsBackend"

_AIRFLOW_SETTINGS_HABITS: Mapping[str, str] = {
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
        **_named({**_AIRFLOW_SETTINGS_HABITS, **habits}),
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
