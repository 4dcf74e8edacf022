"""Fixtures for the tests of a project: `pytest -p penstock.testing`, as set by `penstock test` and the templates.

Fixtures import heavy packages when they are used, so that other tests start fast.
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
    """The project under test: that of the working directory, or `PENSTOCK_PROJECT`."""
    return find_project(request.config.rootpath)


@pytest.fixture
def warehouse(penstock_project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A fresh, empty Postgres database, dropped afterwards. During the test, `warehouse` and `target` connect to it.

    So do connections with `same_as: warehouse`, in this process and its child processes.
    """
    with fresh_database(penstock_project, "warehouse") as database:
        for name in ("WAREHOUSE", "TARGET"):  # two names of one server
            monkeypatch.setenv(f"PENSTOCK_CONN_{name}", database.uri)
        yield database


@pytest.fixture
def source(penstock_project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Like `warehouse`, for the connection `source`."""
    with fresh_database(penstock_project, "source") as database:
        monkeypatch.setenv("PENSTOCK_CONN_SOURCE", database.uri)
        yield database


@pytest.fixture(scope="session")
def dag_bag(penstock_project: Project) -> Bag:
    """Every DAG of the project, imported as by Airflow, and the import errors."""
    return load_bag(penstock_project)


@pytest.fixture
def run_dag(penstock_project: Project) -> Callable[..., Run]:
    """Runs a DAG in a separate process with its own metadata database: `run_dag("hello", date="2013-02-01")`.

    Further arguments are options of `penstock run`: `conf={"file": "x.csv"}`. The DAG uses the test's connections.
    """

    def run(dag_id: str, *, date: str | None = None, conf: dict[str, Any] | None = None) -> Run:
        return run_to_the_end(penstock_project, dag_id, date=date, conf=conf)

    return run


@pytest.fixture
def sandbox(penstock_project: Project, monkeypatch: pytest.MonkeyPatch) -> str:
    """The base URL of a sandbox for this test run, which serves the price and weather APIs.

    During the test, `sandbox` and connections with `same_as: sandbox` connect to it.
    """
    from penstock.environments.formats.airflow import to_json

    found = sandbox_of_tests(penstock_project)
    monkeypatch.setenv("PENSTOCK_CONN_SANDBOX", to_json(found))
    return f"{found.host}:{found.port}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers of tests when the last pytest process ends."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        stop_servers(config.rootpath)
