"""Fixtures for the tests of a project: `pytest -p penstock.testing`, which `penstock test` and the templates say.

What is heavy is imported by the fixture that needs it, so that a test that uses none of them pays nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from penstock.devtools.throwaway_databases import Database, fresh_database, sandbox_of_tests, stop_servers
from penstock.project import Project, find_project
from penstock.testing.dags import Bag, Run, load_bag, run_to_the_end

__all__ = ["Bag", "Database", "Run"]


@pytest.fixture(scope="session")
def penstock_project(request: pytest.FixtureRequest) -> Project:
    """The project that is tested: the one in which pytest was called, or `PENSTOCK_PROJECT`."""
    return find_project(request.config.rootpath)


@pytest.fixture
def warehouse(penstock_project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A fresh, empty Postgres database, dropped afterwards: `warehouse` and `target` lead there during the test.

    So does every connection that is `same_as: warehouse`, in this process and in those that it starts.
    """
    with fresh_database(penstock_project, "warehouse") as database:
        for name in ("WAREHOUSE", "TARGET"):  # two names of one server
            monkeypatch.setenv(f"PENSTOCK_CONN_{name}", database.uri)
        yield database


@pytest.fixture
def source(penstock_project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """As `warehouse`, for the name `source`."""
    with fresh_database(penstock_project, "source") as database:
        monkeypatch.setenv("PENSTOCK_CONN_SOURCE", database.uri)
        yield database


@pytest.fixture(scope="session")
def dag_bag(penstock_project: Project) -> Bag:
    """Every DAG of the project, imported as Airflow imports it, with the errors of those that cannot be."""
    return load_bag(penstock_project)


@pytest.fixture
def run_dag(penstock_project: Project) -> Callable[..., Run]:
    """Runs a DAG to its end in a process and on a metadata database of its own: `run_dag("hello", date="2013-02-01")`.

    Further words are options of `penstock run`: `conf={"file": "x.csv"}`. Connections are those that the test sees.
    """

    def run(dag_id: str, *, date: str | None = None, conf: dict[str, Any] | None = None) -> Run:
        return run_to_the_end(penstock_project, dag_id, date=date, conf=conf)

    return run


@pytest.fixture
def sandbox(penstock_project: Project, monkeypatch: pytest.MonkeyPatch) -> str:
    """The base address of a sandbox, which serves the price and weather APIs on this machine, for tests alone.

    The name `sandbox`, and every connection that is `same_as: sandbox`, leads there during the test.
    """
    from penstock.environments.formats.airflow import to_json

    found = sandbox_of_tests(penstock_project)
    monkeypatch.setenv("PENSTOCK_CONN_SANDBOX", to_json(found))
    return f"{found.host}:{found.port}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the servers that tests had started, when the last of pytest's processes ends."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        stop_servers(config.rootpath)
