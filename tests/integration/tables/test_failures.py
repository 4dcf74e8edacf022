"""Bad input, bad luck and company: a clear error or a right copy, never a partial table."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql
from tests.databases import Query, uri

import penstock
from penstock.model.connection import Connection
from penstock.model.errors import PenstockError, SourceError, TargetError
from penstock.postgres.relay import source_table, wire
from penstock.postgres.relay.stream import Flow

TABLE = "CREATE TABLE t (id int PRIMARY KEY, v text)"


@pytest.fixture(autouse=True)
def rows(here: Query) -> None:
    here(TABLE)
    here("INSERT INTO t SELECT n, repeat('x', 200) FROM generate_series(1, 20000) AS n")


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tables are cut into many ranges too."""
    monkeypatch.setattr(source_table, "PART_PAGES", 32)


@pytest.fixture
def pausing(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Holds a copy after its first rows: (it has begun, it may continue)."""
    begun, go_on = threading.Event(), threading.Event()
    read = Flow._advance

    def advance(self: Flow, count: int) -> None:
        begun.set()
        assert go_on.wait(60)
        read(self, count)

    monkeypatch.setattr(Flow, "_advance", advance)
    yield begun, go_on
    go_on.set()


class Copying:
    """A copy in a thread."""

    def __init__(self, work: Callable[[], penstock.CopyResult]) -> None:
        self.result: penstock.CopyResult | None = None
        self.error: BaseException | None = None
        self._work = work
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._work()
        except PenstockError as error:
            self.error = error

    def wait(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()


def left_behind(there: Query) -> list[tuple[str]]:
    return there("SELECT relname::text FROM pg_class WHERE relname LIKE 'penstock_incoming%%'")


def test_many_ranges_of_one_instant(
    here: Query, there: Query, in_parts: None, pausing: tuple[threading.Event, ...]
) -> None:
    here("UPDATE t SET v = 'old'; UPDATE t SET v = 'older'")
    copying = Copying(lambda: penstock.copy("source:t", "warehouse:t"))
    assert pausing[0].wait(60)
    here("UPDATE t SET v = 'new'; INSERT INTO t VALUES (-1, 'new'); DELETE FROM t WHERE id = 1")
    pausing[1].set()
    copying.wait()
    assert copying.result is not None
    assert copying.result.loaded == 20000
    assert there("SELECT count(*), count(DISTINCT id), min(v), max(v) FROM t") == [
        (20000, 20000, "older", "older")
    ]
    assert left_behind(there) == []
    assert there("SELECT indexname::text FROM pg_indexes WHERE tablename = 't'") == [("t_pkey",)]
    # Ranges are also used for an existing table.
    assert penstock.copy("source:t", "warehouse:t", mode="mirror").updated == 19999


def test_the_same_content_is_known_whatever_its_ranges(
    there: Query, in_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    penstock.copy("source:t", "warehouse:t")
    assert penstock.copy("source:t", "warehouse:t").already


@pytest.mark.parametrize("side", ["source", "warehouse"])
@pytest.mark.parametrize("parts", [False, True])
def test_a_server_ends_the_connection_midway(
    here: Query, there: Query, pausing: tuple[threading.Event, ...], side: str, parts: bool,
    request: pytest.FixtureRequest, source: Connection, warehouse: Connection,
) -> None:  # fmt: skip
    if parts:
        request.getfixturevalue("in_parts")
    copying = Copying(lambda: penstock.copy("source:t", "warehouse:t"))
    assert pausing[0].wait(60)
    database = {"source": source, "warehouse": warehouse}[side].database
    ask = here if side == "source" else there
    ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'penstock' "
        "AND datname = %s AND pid <> pg_backend_pid() AND state <> 'idle' AND query ILIKE 'copy%%'",
        database,
    )
    pausing[1].set()
    copying.wait()
    if copying.error is not None:
        assert isinstance(copying.error, (SourceError, TargetError))
        assert there("SELECT to_regclass('t')") == [(None,)]
        assert left_behind(there) == []
    assert penstock.copy("source:t", "warehouse:t").read == 20000
    assert there("SELECT count(*) FROM t") == [(20000,)]


def test_two_copies_of_one_identity_at_once(there: Query, pausing: tuple[threading.Event, ...]) -> None:
    there("CREATE TABLE loose (id int, v text)")
    both = [Copying(lambda: penstock.copy("source:t", "warehouse:loose")) for _ in range(2)]
    assert pausing[0].wait(60)
    pausing[1].set()
    for one in both:
        one.wait()
    assert sorted(one.result.already for one in both if one.result) == [False, True]
    assert there("SELECT count(*) FROM loose") == [(20000,)]


def test_writers_on_both_sides(here: Query, there: Query, source: Connection, warehouse: Connection) -> None:
    penstock.copy("source:t", "warehouse:t")
    stop = threading.Event()

    def write(connection: Connection, first: int) -> None:
        with psycopg.connect(uri(connection), autocommit=True) as session:
            number = first
            while not stop.is_set():
                session.execute("INSERT INTO t VALUES (%s, 'w')", [number])
                session.execute("UPDATE t SET v = v || 'y' WHERE id = %s", [number % 1000])
                number += 1

    writers = [threading.Thread(target=write, args=a) for a in ((source, 100_000), (warehouse, 200_000))]
    for writer in writers:
        writer.start()
    try:
        for _ in range(3):
            result = penstock.copy("source:t", "warehouse:t", mode="merge", cursor="xmin")
            assert result.rejected == 0
            time.sleep(0.1)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    penstock.copy("source:t", "warehouse:t", mode="mirror")
    assert there("SELECT * FROM t ORDER BY id") == here("SELECT * FROM t ORDER BY id")


@pytest.fixture
def stranger(source: Connection, here: Query, there: Query) -> Iterator[str]:
    """A login with no rights, by which `penstock` enters both databases."""
    name = f"stranger_{source.database}"
    here(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'")
    yield name
    there(f"DROP OWNED BY {name}")
    here(f"DROP OWNED BY {name}")
    here(f"DROP ROLE {name}")


def test_no_right_to_read_or_write(
    here: Query,
    there: Query,
    stranger: str,
    source: Connection,
    warehouse: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def entering(connection: Connection) -> str:
        return f"postgres://{stranger}:secret@{connection.host}:{connection.port}/{connection.database}?sslmode=disable"

    monkeypatch.setenv("PENSTOCK_CONN_SOURCE", entering(source))
    with pytest.raises(SourceError, match="permission denied for source:t"):
        penstock.copy("source:t", "warehouse:t")
    here(f"GRANT SELECT ON t TO {stranger}")
    assert penstock.copy("source:t", "warehouse:t").loaded == 20000
    here("ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON t USING (id < 5)")
    with pytest.raises(SourceError, match="row security hides rows"):
        penstock.copy("source:t", "warehouse:t")
    monkeypatch.setenv("PENSTOCK_CONN_SOURCE", uri(source))
    monkeypatch.setenv("PENSTOCK_CONN_WAREHOUSE", entering(warehouse))
    with pytest.raises(TargetError, match="permission denied"):
        penstock.copy("source:t", "warehouse:t2")


def test_a_source_that_fails_at_a_row(here: Query, there: Query) -> None:
    with pytest.raises(SourceError, match="division by zero"):
        penstock.copy("source:t", "warehouse:t", column=["q=1 / (id - 19000)"])
    assert there("SELECT to_regclass('t')") == [(None,)]


def test_a_target_that_refuses_a_row(here: Query, there: Query) -> None:
    there(TABLE)
    there(
        "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'row %', new.id; "
        "IF new.id = 10000 THEN RAISE EXCEPTION 'not this one'; END IF; RETURN new; END $$; "
        "CREATE TRIGGER stop BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION stop()"
    )
    result = penstock.copy("source:t", "warehouse:t")
    assert (result.read - result.loaded, result.rejects) == (1, {"server_error": 1})
    assert there("SELECT message, raw::json ->> 'id' FROM penstock_ledger.rejects") == [
        ("not this one", "10000")
    ]
    assert there("SELECT count(*), count(*) FILTER (WHERE id = 10000) FROM t") == [(result.loaded, 0)]


def test_a_table_that_is_altered_or_dropped_meanwhile(
    here: Query, there: Query, source: Connection, pausing: tuple[threading.Event, ...]
) -> None:
    copying = Copying(lambda: penstock.copy("source:t", "warehouse:t"))
    assert pausing[0].wait(60)
    # Nobody may while it is read.
    with (
        psycopg.connect(uri(source), autocommit=True) as session,
        pytest.raises(psycopg.errors.LockNotAvailable),
    ):
        session.execute(sql.SQL("SET lock_timeout = '200ms'; DROP TABLE t"))
    pausing[1].set()
    copying.wait()
    assert copying.error is None
    here("DROP TABLE t")
    with pytest.raises(SourceError, match="no table"):
        penstock.copy("source:t", "warehouse:t")


def test_encrypted_connections_go_through_the_library(
    there: Query, here: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The bundled servers have no TLS: what counts is that the way without the frames gives the same.
    monkeypatch.setattr("penstock.postgres.relay.load.is_plain", lambda _: False)
    monkeypatch.setattr("penstock.postgres.relay.shadow_table.is_plain", lambda _: False)
    monkeypatch.setattr(wire.Frames, "blocks", None)
    assert penstock.copy("source:t", "warehouse:t").loaded == 20000
    assert there("SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM t") == here(
        "SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM t"
    )
    assert penstock.copy("source:", "warehouse:nothing", query="SELECT id FROM t WHERE id < 0").read == 0
    with pytest.raises(SourceError, match="division by zero"):
        penstock.copy("source:t", "warehouse:t3", column=["q=1 / (id - 19000)"])
