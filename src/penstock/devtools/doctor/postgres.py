"""Checks of the environment's Postgres servers: whether they answer, and their settings."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from penstock import lookup
from penstock.devtools.doctor.check_result import Finding, Level, of_error
from penstock.environments import load
from penstock.environments.airflow_settings import local_settings
from penstock.model.connection import Connection
from penstock.model.errors import PenstockError
from penstock.postgres.connect import connect
from penstock.project import Project

TIMEOUT_S = "3"
OLDEST = 140000  # PostgreSQL 14, as the server itself numbers its versions


def examine(project: Project) -> Iterator[Finding]:
    """Check the servers. Does not start the project's own servers."""
    environment = load(project.root)
    names = [name for name in environment.connection_names() if environment.served_by(name) is None]
    names += [one.name for one in local_settings(project.root).connections if one.name not in names]
    found = [lookup.declared(name, project) for name in names if environment.excluded(name) is None]
    servers = [one for one in found if one is not None and one.type == "postgres"]
    with ThreadPoolExecutor(max_workers=8) as pool:
        for findings in pool.map(_ask, servers):
            yield from findings


def _ask(connection: Connection) -> list[Finding]:
    what = f"connection {connection.name}"
    impatient = replace(connection, extra={"connect_timeout": TIMEOUT_S, **connection.extra})
    try:
        with connect(impatient) as session:
            rows = session.execute(
                "SELECT current_setting('server_version_num')::int AS version,"
                " current_setting('server_version') AS shown, current_setting('wal_compression') AS compression"
            ).fetchall()
    except PenstockError as error:
        return [of_error(what, error, Level.warning)]
    (server,) = rows
    findings = [Finding(Level.ok, what, f"PostgreSQL {server['shown']} answers")]
    if server["compression"] in ("on", "pglz"):
        findings.append(
            Finding(
                Level.warning,
                what,
                "wal_compression is pglz, which makes merges up to four times slower",
                "ALTER SYSTEM SET wal_compression = 'lz4'; SELECT pg_reload_conf();  (or 'off')",
            )
        )
    if server["version"] < OLDEST:
        findings.append(
            Finding(
                Level.warning,
                what,
                "older than PostgreSQL 14, the oldest maintained version",
                "upgrade the server",
            )
        )
    return findings
