"""The gallery as a project of its own, its connections leading to databases of the test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.commands import forked
from tests.conftest import metadata_database
from tests.databases import uri

from penstock.model.connection import Connection

REPOSITORY = Path(__file__).parents[3]
LEFT_OUT = shutil.ignore_patterns(".penstock", "*.csv", "target", "logs", "__pycache__")

# The connections of the gallery, by the embedded server that they lead to on one machine.
NAMES = {"source": ["source"], "warehouse": ["warehouse", "target", "postgres_daily_operational_conn"]}

RunDag = Callable[..., list[dict[str, Any]]]
Session = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def gallery(
    tmp_path: Path, source: Connection, warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The project's directory."""
    root = tmp_path / "gallery"
    shutil.copytree(REPOSITORY / "pipelines", root, ignore=LEFT_OUT)
    for connection in (source, warehouse):
        for name in NAMES[connection.name]:
            monkeypatch.setenv(f"PENSTOCK_CONN_{name.upper()}", uri(connection))
    with metadata_database(root):
        yield root


@pytest.fixture
def run_dag(gallery: Path) -> RunDag:
    """Runs a DAG with these arguments of `penstock run`, and returns the events of its tasks' ends.

    `code` is the exit code that it must have.
    """

    def run(dag_id: str, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        done = subprocess.run(
            [forked(), "run", dag_id, *arguments, "--json"],
            cwd=gallery,
            env={**os.environ, "PENSTOCK_PROJECT": str(gallery)},
            capture_output=True,
            text=True,
        )
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == code, f"{[event for event in events if 'error' in event]} {done.stderr}"
        return [event for event in events if event["event"] == "end"]

    return run


@pytest.fixture
def session(warehouse: Connection) -> Iterator[Session]:
    """A look into the warehouse."""
    with psycopg.connect(uri(warehouse), autocommit=True, prepare_threshold=None) as opened:
        yield opened


@pytest.fixture
def source_session(source: Connection) -> Iterator[Session]:
    """A look into the source."""
    with psycopg.connect(uri(source), autocommit=True, prepare_threshold=None) as opened:
        yield opened
