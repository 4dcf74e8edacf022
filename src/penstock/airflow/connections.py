"""Connection and variable lookup in a task: the same environment and fallbacks that Airflow uses."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.configuration import conf
from airflow.sdk import Connection as AirflowConnection
from airflow.sdk import Variable
from airflow.sdk.exceptions import AirflowNotFoundException

from penstock import lookup
from penstock.devtools.process_env import dbt_settings
from penstock.environments.formats.airflow import from_fields
from penstock.environments.loading import VARIABLE
from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed

BACKEND = "penstock.airflow.secrets.PenstockSecretsBackend"


@contextmanager
def as_airflow() -> Iterator[None]:
    """Look up names as Airflow does, within this block and in the processes that it starts."""
    before = dict(os.environ)
    os.environ |= _backend_settings()
    try:
        with lookup.asking_next(_ask_airflow, _ask_airflow_for_variable):
            yield
    finally:
        for name in (VARIABLE, "PENSTOCK_PROJECT"):
            os.environ.pop(name, None)
            os.environ |= {name: before[name]} if name in before else {}


def enter_for_dbt(name: str) -> None:
    """Set the environment variables that dbt's `profiles.yml` reads for a connection. Call it in a task's process only.

    Raises:
        ConnectionFailed: The connection does not exist, or its type is not Postgres.
    """
    with as_airflow():
        connection = lookup.find(name)
    if connection is None or connection.type != "postgres":
        raise ConnectionFailed(
            f"dbt needs the postgres connection {name!r}", hint=f"penstock connection add {name}"
        )
    os.environ |= dbt_settings(connection)


def _backend_settings() -> dict[str, str]:
    """The project and environment that Penstock's secrets backend is configured with; empty for other backends."""
    for section, key in (("workers", "secrets_backend"), ("secrets", "backend")):
        backend = conf.get(section, key, fallback="")
        if backend == BACKEND:
            settings = json.loads(conf.get(section, f"{key}_kwargs", fallback="") or "{}")
            names = {VARIABLE: settings.get("environment"), "PENSTOCK_PROJECT": settings.get("project")}
            return {name: value for name, value in names.items() if value}
        if backend:
            return {}
    return {}


def _ask_airflow(name: str) -> Connection | None:
    """Look the name up in other backends and in Airflow's metadata database."""
    try:
        found = AirflowConnection.get(name)
    except AirflowNotFoundException:
        return None
    return from_fields(name, found.to_dict())


def _ask_airflow_for_variable(name: str) -> str | None:
    """Look the name up in other backends and in Airflow's metadata database."""
    found = Variable.get(name, default=None)
    return None if found is None else str(found)
