"""Environment variables for Airflow's processes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from urllib.parse import quote

from penstock.model.errors import PenstockError
from penstock.project import Project
from penstock.stack.airflow_credentials import LOGIN, STATE, keys, passwords_file
from penstock.stack.airflow_settings import BACKEND, airflow_variables
from penstock.stack.config import Options
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
    variables = airflow_variables(
        project,
        project.make_state_dir(STATE, "home"),
        habits=_HABITS,
        chosen=options.airflow,
        fixed={**_settings(project, options), **keys(project)},
    )
    # By default glibc gives each thread its own arena, which wastes memory.
    return {"MALLOC_ARENA_MAX": "2", **variables}


_HABITS: Mapping[str, str] = {
    "CORE__PARALLELISM": "8",  # the default of 32 forks as many workers
    # 0.1 s costs 17 % of a core and six tasks take 1 to 2 s; 0.25 s costs 7.5 % and they take 2 to 3 s.
    "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.25",
    "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
    "DAG_PROCESSOR__REFRESH_INTERVAL": "10",  # delay until a new file is found; the default is five minutes
    "API__WORKERS": "1",
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
        "DATABASE__SQL_ALCHEMY_CONN": _metadata_url(project),
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
