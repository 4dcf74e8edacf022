"""Airflow's parts, started as its own command line starts them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from penstock.project import Project
from penstock.stack import server
from penstock.stack.airflow_environment import DATABASE, METADATA, airflow_environment
from penstock.stack.command import Command, Once, Program
from penstock.stack.health import Health
from penstock.stack.logins import STATE
from penstock.stack.options import Options

MIGRATION = "migration"
API_SERVER = "api-server"


def airflow_parts(project: Project, options: Options) -> list[Command]:
    """The migration, and the four processes.

    Args:
        options: With the port that was found for Airflow.
    """
    url = f"http://{options.own_host}:{options.port}"
    health = Health(url)
    logs = project.make_state_dir("logs")

    def environment() -> Mapping[str, str]:
        return airflow_environment(project, options)

    def part(name: str, *words: str, is_ready: Callable[[float], bool], at: str | None = None) -> Command:
        argv = [sys.executable, "-m", "airflow", name, *words]
        program = Program(argv, logs / f"{name}.log", environment)
        return Command(name, program, is_ready=is_ready, needs=(MIGRATION,), at=at)

    address = ("--host", options.host, "--port", str(options.port))
    # The log servers of these two would bind every interface; on one machine the files are read directly.
    quiet = "--skip-serve-logs"
    return [
        Once(
            MIGRATION,
            Program(
                [sys.executable, "-m", "penstock.airflow.migration", str(_migrated(project))],
                logs / f"{MIGRATION}.log",
                environment,
            ),
            is_done=lambda: _is_migrated(project),
            needs=(METADATA,),
        ),
        part(API_SERVER, *address, is_ready=lambda _: health.answers(), at=url),
        part("scheduler", quiet, is_ready=lambda since: health.beats("scheduler", since)),
        part("dag-processor", is_ready=lambda since: health.beats("dag_processor", since)),
        part("triggerer", quiet, is_ready=lambda since: health.beats("triggerer", since)),
    ]


def _migrated(project: Project) -> Path:
    return project.make_state_dir(STATE, "home") / f"migrated-{version('apache-airflow-core')}"


def _is_migrated(project: Project) -> bool:
    """Whether this version of Airflow has brought this very database up to date."""
    found = server.load(project, METADATA)
    if found is None or not _migrated(project).exists():
        return False
    with found.enter(DATABASE) as session:
        row = session.execute("SELECT to_regclass('public.alembic_version') IS NOT NULL").fetchone()
        return row is not None and bool(row[0])
