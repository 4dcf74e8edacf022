"""A load into Snowflake killed after its statements: readers see old rows or new ones, and the next run completes."""

from __future__ import annotations

import os
import signal
import urllib.request
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.acceptance.killing import Steps
from tests.forks import FORKS
from tests.integration.objects.conftest import execute, named, store
from tests.integration.snowflake.conftest import snow, snowflake_server, stage

import penstock
from penstock.model.connection import Connection
from penstock.objects.s3 import S3Store

__all__ = ["execute", "named", "snow", "snowflake_server", "stage", "store"]

Execute = Callable[[str], list[dict[str, object]]]
Query = Callable[..., list[tuple[Any, ...]]]

TRANSACTION = (8, 22)  # among the statements; before it tables are made, after it the account is brought back
MENDED = (4, 13, 16, 20, 21, 22, 26)
NAMES = ("PENSTOCK_CONN_SOURCE", "PENSTOCK_CONN_OBJECTS", "PENSTOCK_CONN_SNOW")


def _load(
    environment: dict[str, str], entered: Path, source: str, options: dict[str, Any], fatal: int | None
) -> None:
    from snowflake.connector.cursor import SnowflakeCursor

    loading: Any = import_module("penstock.snowflake.load")
    os.environ.update(environment)
    enter = loading.snowflake_connect

    def opened(connection: Connection) -> Any:
        session = enter(connection)
        entered.write_text(session.rest.token)
        return session

    loading.snowflake_connect = opened
    steps = Steps(fatal)
    # Statements to Snowflake, and then to the database of the account and the rejects.
    steps.watch(SnowflakeCursor, "execute")
    steps.watch(psycopg.Connection, "execute")
    penstock.copy(source, "snow:daily.labor", **options)
    os._exit(0)


def _end(server: dict[str, Any], entered: Path) -> None:
    """End the session of a client that is gone, which Snowflake does by itself when it is in somebody's way.

    After five minutes, says its documentation; the stand-in never does.
    """
    request = urllib.request.Request(
        f"http://{server['host']}:{server['port']}/session?delete=true",
        headers={"Authorization": f'Snowflake Token="{entered.read_text()}"'},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=60):
        entered.unlink()


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_killed_after_each_statement(
    store: S3Store,
    execute: Execute,
    snow: Query,
    snowflake_server: dict[str, Any],
    stage: str,
    tmp_path: Path,
) -> None:
    FORKS.set_forkserver_preload(["penstock.routes.snowflake", "snowflake.connector"])
    entered = tmp_path / "session"
    snow("CREATE TABLE DAILY.LABOR (ID NUMBER(38,0), GENERATION NUMBER(38,0))")
    execute("CREATE TABLE labor AS SELECT i::text AS id, 0 AS generation FROM generate_series(1, 2) AS i")
    execute("INSERT INTO labor VALUES ('one', 0), ('two', 0)")
    source = f"{store.name}/labor/"
    options: dict[str, Any] = {"stage": stage, "mode": "replace", "max_rejects": "2"}
    environment = {name: os.environ[name] for name in NAMES}

    def run(fatal: int | None) -> int | None:
        process = FORKS.Process(target=_load, args=(environment, entered, source, options, fatal))
        process.start()
        process.join()
        if process.exitcode != 0 and entered.exists():
            _end(snowflake_server, entered)
        return process.exitcode

    def seen() -> list[tuple[Any, ...]]:
        return snow("SELECT GENERATION, count(*) FROM DAILY.LABOR GROUP BY 1")

    penstock.copy("source:labor", source)
    assert run(None) == 0
    assert seen() == [(0, 2)]
    fatal, generation, after = 0, 0, set()
    while True:
        generation += 1
        execute(f"UPDATE labor SET generation = {generation}")
        penstock.copy("source:labor", source)
        before = seen()
        code = run(fatal)
        found = seen()
        assert found in (before, [(generation, 2)]), fatal
        after.add(found == before)
        if code == 0:
            break
        assert code == -signal.SIGKILL, fatal
        if fatal in MENDED:  # by the same load, run again
            assert run(None) == 0
            require_account(execute, snow, generation)
        fatal += 1 if TRANSACTION[0] <= fatal < TRANSACTION[1] else 4
    assert fatal > 20
    assert after == {True, False}
    require_account(execute, snow, generation)
    assert not [row for row in snow("SHOW TABLES IN SCHEMA PENSTOCK_LEDGER") if "SIEVE" in str(row[1])]


def require_account(execute: Execute, snow: Query, generation: int) -> None:
    """The last load's rows, and its rejects on both sides, once."""
    assert snow("SELECT DISTINCT GENERATION FROM DAILY.LABOR") == [(generation,)]
    (copy,) = snow("SELECT ID FROM PENSTOCK_LEDGER.COPIES ORDER BY FINISHED_AT DESC LIMIT 1")
    kept = "SELECT count(*) AS n FROM penstock_ledger.rejects"
    assert snow(f"{kept} WHERE ID = %s", *copy) == [(2,)]
    assert execute(f"{kept} JOIN penstock_ledger.copies USING (run) WHERE id = '{copy[0]}'") == [{"n": 2}]
