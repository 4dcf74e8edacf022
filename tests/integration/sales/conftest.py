"""The gallery's sales project, copied so that a test may change it, on a warehouse of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import metadata_database
from tests.databases import Query, asking, uri

import penstock
from penstock.model.connection import Connection
from penstock.postgres.connect import connect

REPOSITORY = Path(__file__).parents[3]

Done = subprocess.CompletedProcess[str]


@pytest.fixture
def environment(warehouse: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """The warehouse under its name, for Penstock and for dbt."""
    assert warehouse.password is not None
    password = warehouse.password.reveal()
    variables = {
        "PENSTOCK_CONN_WAREHOUSE": uri(warehouse),
        "PENSTOCK_DBT_HOST": str(warehouse.host),
        "PENSTOCK_DBT_PORT": str(warehouse.port),
        "PENSTOCK_DBT_USER": str(warehouse.login),
        "PENSTOCK_DBT_PASSWORD": password,
        "PENSTOCK_DBT_DATABASE": str(warehouse.database),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def gallery(tmp_path: Path, environment: None) -> Iterator[Path]:
    """The project's directory."""
    root = tmp_path / "gallery"
    left_out = shutil.ignore_patterns(".penstock", "*.csv", "target", "logs", "__pycache__")
    shutil.copytree(REPOSITORY / "pipelines", root, ignore=left_out)
    with metadata_database(root):
        yield root


@pytest.fixture
def query(warehouse: Connection) -> Iterator[Query]:
    with connect(warehouse) as session:
        yield asking(session)


def copy_sales(path: Path) -> penstock.CopyResult:
    """Copy as the DAG does."""
    return penstock.copy(
        str(path),
        "warehouse:raw.sales",
        mode="merge",
        key="sale_id",
        order_by="date",
        null_values=["", "None"],
    )


def dbt(project: Path, *words: str) -> Done:
    target = project.parent / "dbt-target"
    log = project.parent / "dbt-logs"
    command = [sys.executable, "-m", "dbt.cli.main", *words, "--project-dir", str(project / "dbt")]
    more = ["--profiles-dir", str(project / "dbt"), "--target-path", str(target), "--log-path", str(log)]
    return subprocess.run([*command, *more], capture_output=True, text=True)


def penstock_command(project: Path, *words: str) -> Done:
    environment = os.environ | {"PENSTOCK_PROJECT": str(project)}
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=200)


def events(done: Done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]
