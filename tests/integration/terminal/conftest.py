"""A project, two databases and processes that fork commands, for all tests of a worker."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.conftest import RUN_DIR, databases
from tests.databases import enter, uri
from tests.terminal import UTF8, C, Starter

from penstock.model.connection import Connection

# One row is not a number, and its text is not ASCII.
SALES = "id,name\n1,Lamp\n2,Chair\nthree,Zoë\n"


@dataclass(frozen=True)
class World:
    """Where commands are run.

    Args:
        variables: Name the databases.
        rejected: The id of a copy that has a row in quarantine.
        warehouse: The database `warehouse`.
        source: The database `source`.
    """

    template: Path
    variables: dict[str, str]
    rejected: str
    warehouse: Connection
    source: Connection

    def project(self, place: Path) -> Path:
        """A project that may be changed."""
        shutil.copytree(self.template, place)
        return place


@pytest.fixture(scope="session")
def utf8() -> Iterator[Starter]:
    """Starts commands in a UTF-8 locale."""
    starter = Starter(UTF8)
    yield starter
    starter.close()


@pytest.fixture(scope="session")
def plain() -> Iterator[Starter]:
    """Starts commands in a C locale."""
    starter = Starter(C)
    yield starter
    starter.close()


@pytest.fixture(scope="session")
def world(cluster: Connection, utf8: Starter) -> Iterator[World]:
    place = Path(os.environ[RUN_DIR], f"terminal-{secrets.token_hex(4)}")
    place.mkdir()
    with databases(cluster) as make:
        warehouse, source = make("warehouse"), make("source")
        variables = {
            "PENSTOCK_CONN_WAREHOUSE": uri(warehouse),
            "PENSTOCK_CONN_SOURCE": uri(source),
        }

        def run(*words: str) -> str:
            done = utf8.pipe(words, cwd=template if template.exists() else place, variables=variables)
            assert done.code == 0, done
            return done.out

        template = place / "template"
        run("init", "template")
        (template / "sales.csv").write_text(SALES, encoding="utf-8")
        (template / "given.env").write_text("AIRFLOW_VAR_REGION='nord'\n")
        fields = ("--host", "db", "--login", "etl", "--database", "shop")
        run("connection", "add", "shop", "--type", "postgres", *fields, "--no-input")
        run("variable", "set", "region", "nord")
        with enter(warehouse) as session:
            session.execute("CREATE SCHEMA raw; CREATE TABLE raw.sales (id int PRIMARY KEY, name text)")
        found = json.loads(run("copy", "sales.csv", "warehouse:raw.sales", "--json"))
        yield World(template, variables, found["id"][:12], warehouse, source)


@pytest.fixture
def shop(world: World, tmp_path: Path) -> Path:
    """A project of the test's own."""
    return world.project(tmp_path / "shop")


Session = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def session(world: World) -> Iterator[Session]:
    """The warehouse, for a look."""
    with enter(world.warehouse) as opened:
        yield opened
