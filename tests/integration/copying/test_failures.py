"""Bad input is normal input: a clear message, the right exit code, and nothing changed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.commands import forked
from tests.databases import Query, uri
from tests.small_disk import small_disk
from tests.waiting import until

from penstock.model.connection import Connection

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(warehouse: Connection, tmp_path: Path) -> Run:
    """Runs the command as a person would, and checks that no message shows the password or a traceback."""
    assert warehouse.password is not None
    secret = warehouse.password.reveal()

    def command(*arguments: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PENSTOCK_CONN_WAREHOUSE": uri(warehouse)} | variables
        done = subprocess.run(
            [forked(), *arguments],
            input=stdin,
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        for text in (done.stdout, done.stderr):
            assert secret not in text
            assert quote(secret, safe="") not in text
            assert "Traceback" not in text
        return done

    return command


@pytest.fixture
def table(query: Query, tmp_path: Path) -> Iterator[None]:
    """A table with a row in it, that no failure may change."""
    query("CREATE TABLE t (id int PRIMARY KEY, name text)")
    query("INSERT INTO t VALUES (0, 'there')")
    (tmp_path / "in.csv").write_text("id,name\n1,a\n")
    yield
    assert query("SELECT id, name FROM t") == [(0, "there")]
    assert query("SELECT to_regclass('penstock_ledger.copies')") in ([(None,)], [("penstock_ledger.copies",)])


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere.csv", "warehouse:t"], 1, "nowhere.csv"),
        (["*.nothing", "warehouse:t"], 1, r"\*\.nothing"),
        ([".", "warehouse:t"], 1, "directory"),
        (["in.csv", "elsewhere:t"], 1, "no connection 'elsewhere'"),
        (["in.csv", "t"], 2, "invalid table address"),
        (["in.csv", "warehouse:t", "--mode", "upsert"], 2, "upsert"),
        (["in.csv", "warehouse:t", "--max-rejects", "few"], 2, "invalid threshold"),
        (["in.csv", "warehouse:t", "--mode", "interval"], 2, "interval"),
        (["in.csv", "warehouse:t", "--filter-column", "id"], 2, "incomplete filter"),
        (["in.csv", "warehouse:t", "--key", "nope"], 1, "'nope'"),
        (["in.csv", "warehouse:t", "--encoding", "klingon"], 2, "klingon"),
        (["in.csv"], 2, "target"),
    ],
)
def test_wrong_words(run: Run, arguments: list[str], code: int, words: str) -> None:
    done = run("copy", *arguments)
    assert done.returncode == code, done.stderr
    assert re.search(words, done.stderr)


@pytest.mark.usefixtures("table")
def test_a_file_that_may_not_be_read(run: Run, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read every file")
    (tmp_path / "in.csv").chmod(0)
    done = run("copy", "in.csv", "warehouse:t")
    assert done.returncode == 1
    assert "no permission to read" in done.stderr


@pytest.mark.usefixtures("table")
def test_a_wrong_password(run: Run, warehouse: Connection) -> None:
    wrong = re.sub(r":[^:@/]+@", ":secret-word@", uri(warehouse))
    done = run("copy", "in.csv", "warehouse:t", PENSTOCK_CONN_WAREHOUSE=wrong)
    assert done.returncode == 1
    assert "the login or the password is wrong" in done.stderr
    assert "secret-word" not in done.stderr


@pytest.mark.usefixtures("table")
def test_a_server_that_is_down(run: Run) -> None:
    done = run(
        "copy", "in.csv", "warehouse:t", PENSTOCK_CONN_WAREHOUSE="postgres://me:secret-word@127.0.0.1:1/x"
    )
    assert done.returncode == 1
    assert "connection refused" in done.stderr
    assert "secret-word" not in done.stderr


@pytest.mark.usefixtures("table")
def test_a_connection_that_is_none(run: Run) -> None:
    done = run("copy", "in.csv", "warehouse:t", PENSTOCK_CONN_WAREHOUSE="secret-word")
    assert done.returncode == 2
    assert "PENSTOCK_CONN_WAREHOUSE" in done.stderr
    assert "secret-word" not in done.stderr


def test_over_the_threshold(run: Run, query: Query) -> None:
    query("CREATE TABLE t (id int)")
    done = run("copy", "-", "warehouse:t", "--max-rejects", "0", stdin="id\n1\nx\n")
    assert done.returncode == 3
    assert "1 of 2 rows rejected, 0 allowed" in done.stderr
    assert query("SELECT count(*) FROM t") == [(0,)]


def test_a_right_that_is_lacking(run: Run, query: Query, warehouse: Connection) -> None:
    query("CREATE TABLE t (id int)")
    reader = f"reader_of_{warehouse.database}"  # roles are the whole server's, which other tests use too
    query(f"CREATE ROLE {reader} LOGIN PASSWORD 'secret-word'")
    limited = re.sub(r"//[^@]+@", f"//{reader}:secret-word@", uri(warehouse))
    done = run("copy", "-", "warehouse:t", stdin="id\n1\n", PENSTOCK_CONN_WAREHOUSE=limited)
    query(f"DROP ROLE {reader}")
    assert done.returncode == 1
    assert "permission denied" in done.stderr
    assert "grant" in done.stderr


def test_a_full_disk(run: Run, query: Query, warehouse: Connection, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,name\n" + "".join(f"{n},{'x' * 60}\n" for n in range(100_000)))
    with small_disk(query) as disk:
        small = f"small_{warehouse.database}"
        query(f"CREATE TABLESPACE {small} LOCATION '{disk}'")
        query(f"CREATE TABLE t (id int, name text) TABLESPACE {small}")
        done = run("copy", "in.csv", "warehouse:t")
        left = query("SELECT count(*) FROM t")
        query("DROP TABLE t")
        query(f"DROP TABLESPACE {small}")
    assert (done.returncode, left) == (1, [(0,)])
    assert "No space left" in done.stderr
    assert "free disk space" in done.stderr


def _slow(tmp_path: Path) -> Path:
    path = tmp_path / "long.csv"
    path.write_text("id,name\n" + "".join(f"{n},{'x' * 50}\n" for n in range(1, 1_500_000)))
    return path


@pytest.mark.usefixtures("table")
def test_interrupted(warehouse: Connection, tmp_path: Path, query: Query) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "penstock", "copy", str(_slow(tmp_path)), "warehouse:t"],
        env=os.environ | {"PENSTOCK_CONN_WAREHOUSE": uri(warehouse)},
        stderr=subprocess.PIPE,
        text=True,
    )
    copying = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name = 'penstock' AND query LIKE 'COPY%%' AND datname = current_database()"
    )
    until(lambda: query(copying) != [(0,)])
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "interrupted; nothing was changed" in errors
    assert "Traceback" not in errors


def test_an_export_interrupted_while_its_query_runs(
    warehouse: Connection, tmp_path: Path, query: Query
) -> None:
    """The thread that reads is blocked until the server sends something, so the query is cancelled there."""
    words = ["warehouse:", "out/", "--query", "SELECT pg_sleep(300)::text AS slept"]
    process = subprocess.Popen(
        [sys.executable, "-m", "penstock", "copy", *words],
        cwd=tmp_path,
        env=os.environ | {"PENSTOCK_CONN_WAREHOUSE": uri(warehouse)},
        stderr=subprocess.PIPE,
        text=True,
    )
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE 'COPY%%'"
    until(lambda: query(sleeping) == [(1,)])
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "interrupted; nothing was changed" in errors
    assert "Traceback" not in errors
    until(lambda: query(sleeping) == [(0,)])


@pytest.mark.usefixtures("table")
def test_a_server_that_goes_away(warehouse: Connection, tmp_path: Path, query: Query) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "penstock", "copy", str(_slow(tmp_path)), "warehouse:t"],
        env=os.environ | {"PENSTOCK_CONN_WAREHOUSE": uri(warehouse)},
        stderr=subprocess.PIPE,
        text=True,
    )
    ending = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE application_name = 'penstock' AND query LIKE 'COPY%%' AND datname = current_database()"
    )
    until(lambda: query(ending) != [(0,)])
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    assert "the connection to the server was lost" in errors
    assert "Traceback" not in errors
