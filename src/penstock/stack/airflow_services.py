"""Airflow's components, started as by Airflow's own command line."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from concurrent.futures import Executor
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg

from penstock.project import Project
from penstock.stack.airflow_credentials import STATE
from penstock.stack.airflow_env import DATABASE, METADATA, airflow_environment
from penstock.stack.forkserver import Nurseries
from penstock.stack.health import Health
from penstock.stack.port_config import Options
from penstock.stack.postgres import server
from penstock.stack.process_runner import Command, Once, Program, Started

MIGRATION, DBT = "migration", "dbt"
API_SERVER = "api-server"


def airflow_parts(project: Project, options: Options, pool: Executor, nurseries: Nurseries) -> list[Command]:
    """Return the one-off commands and Airflow's four processes.

    Args:
        options: Options with the chosen port for Airflow.
        pool: Runs the health checks.
        nurseries: Fork all of Airflow's processes from one.
    """
    url = f"http://{options.own_host}:{options.port}"
    health = Health(url, pool)
    logs = project.make_state_dir("logs")

    def environment() -> Mapping[str, str]:
        return airflow_environment(project, options)

    def program(name: str, *words: str, forked: bool = True) -> Program:
        def fork(environment: Mapping[str, str], log: int) -> Started:
            return nurseries.launch(words, environment, log)

        argv = [sys.executable, "-m", *words]
        return Program(argv, logs / f"{name}.log", environment, fork if forked else None)

    def part(
        name: str,
        *words: str,
        beats_as: str | None = None,
        needs: tuple[str, ...] = (MIGRATION,),
        at: str | None = None,
    ) -> Command:
        return Command(
            name,
            program(name, "penstock.airflow.component_main", name, *words),
            is_ready=lambda since: health.beats(beats_as, since) if beats_as else health.answers(),
            silence_s=lambda: health.silence_s(beats_as),
            needs=needs,
            at=at,
        )

    address = ("--host", options.host, "--port", str(options.port))
    # The log servers of these two would listen on all interfaces; on one machine, log files are read directly.
    quiet = "--skip-serve-logs"
    marker = _migrated(project)
    migrating = program(MIGRATION, "penstock.airflow.migrate_db", str(marker))
    manifest = program(DBT, "penstock.airflow.dbt.manifest_main", forked=False)  # dbt has different imports
    return [
        Once(MIGRATION, migrating, is_done=lambda: _is_migrated(project, marker), needs=(METADATA,)),
        Once(DBT, manifest, is_done=lambda: not _has_dbt(project), needs=("warehouse", METADATA)),
        part(API_SERVER, *address, at=url),
        part("scheduler", quiet, beats_as="scheduler"),
        part("dag-processor", beats_as="dag_processor", needs=(MIGRATION, DBT)),
        part("triggerer", quiet, beats_as="triggerer"),
    ]


def _migrated(project: Project) -> Path:
    return project.make_state_dir(STATE, "home") / f"migrated-{version('apache-airflow-core')}"


def _is_migrated(project: Project, marker: Path) -> bool:
    """Whether this version of Airflow has already migrated this database."""
    found = server.load(project, METADATA)
    if found is None or not marker.exists():
        return False
    try:
        with found.enter(DATABASE) as session:
            row = session.execute("SELECT to_regclass('public.alembic_version') IS NOT NULL").fetchone()
            return row is not None and bool(row[0])
    except psycopg.Error:  # the server has just stopped; the migration reports it
        return False


def _has_dbt(project: Project) -> bool:
    return (project.root / "dbt").is_dir() and find_spec("dbt") is not None
