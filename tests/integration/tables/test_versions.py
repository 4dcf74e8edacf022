"""Between servers of different versions, both ways."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from tests.conftest import RUN_DIR
from tests.databases import Query, uri
from tests.ports import reserved_port

import penstock
from penstock.model.connection import Connection, Secret
from penstock.stack.os_user import give_to, server_account
from penstock.stack.postgres.binaries import bundled_programs, programs_for

OLDER = "pginstall"  # PostgreSQL 16, which the package brings along


def _as(argv: Sequence[str | Path]) -> Sequence[str | Path]:
    account = server_account(Path(os.environ[RUN_DIR]))
    if account is None:
        return argv
    return ["setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups", *argv]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with reserved_port() as port:
        yield port


@pytest.fixture(scope="module")
def older(port: int) -> Iterator[Connection]:
    """A server of an older version."""
    account = server_account(Path(os.environ[RUN_DIR]))
    programs = programs_for(account).parent.parent / OLDER / "bin"
    if not programs.exists():
        programs = bundled_programs().parent.parent / OLDER / "bin"
    home = Path(os.environ[RUN_DIR], f"older-{secrets.token_hex(4)}")
    home.mkdir(mode=0o755)
    give_to(account, home)
    data = home / "data"
    subprocess.run(
        _as([programs / "initdb", "-D", data, "-U", "penstock", "--auth=trust", "--encoding=UTF8", "--locale=C", "-N"]),
        check=True, capture_output=True, cwd=home,
    )  # fmt: skip
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c shared_buffers=16MB"
    control: list[str | Path] = [programs / "pg_ctl", "-D", data, "-w", "-s"]
    subprocess.run(_as([*control, "-o", options, "-l", home / "log", "start"]), check=True, cwd=home)
    try:
        yield Connection(
            name="older", type="postgres", host="127.0.0.1", port=port, login="penstock", password=Secret("none"),
            database="postgres", extra={"sslmode": "disable"},
        )  # fmt: skip
    finally:
        subprocess.run(_as([*control, "-m", "immediate", "stop"]), check=True, cwd=home)
        shutil.rmtree(home)


def test_both_ways(older: Connection, here: Query, there: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CONN_OLDER", uri(replace(older)))
    here(
        "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n numeric, d timestamptz, j jsonb, "
        "a int[], "
        "twice numeric GENERATED ALWAYS AS (n * 2) VIRTUAL); "
        "INSERT INTO t (n, d, j, a) SELECT i / 7.0, now(), jsonb_build_object('i', i), array[i] "
        "FROM generate_series(1, 500) AS i"
    )
    assert penstock.copy("source:t", "older:t").loaded == 500
    assert penstock.copy("older:t", "warehouse:t").loaded == 500
    everything = "SELECT id, n, d, j, a, twice FROM t ORDER BY id"
    assert there(everything) == here(everything)
    with psycopg.connect(uri(older), autocommit=True) as session:
        assert session.info.server_version < 170000
        session.execute("UPDATE t SET n = 1 WHERE id <= 3; DELETE FROM t WHERE id = 10")
    result = penstock.copy("older:t", "warehouse:t", mode="mirror")
    assert (result.updated, result.deleted) == (3, 1)
    assert penstock.copy("older:t", "warehouse:t", cursor="xmin").unchanged == 499
    assert penstock.copy("older:t", "warehouse:t", cursor="xmin").read == 0
    assert penstock.copy("source:t", "older:t", mode="mirror").inserted == 1
