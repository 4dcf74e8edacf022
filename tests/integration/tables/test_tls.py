"""Copies over connections that are encrypted, whose rows go through the library that knows how."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.databases import Query, uri
from tests.tls import behind_tls

import penstock
from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed, SourceError
from penstock.postgres.copy_in import CopyStream
from penstock.postgres.relay import copy_out, source_table, wire

_SUM = "SELECT count(*), md5(string_agg(t::text, '' ORDER BY id)) FROM t"


@pytest.fixture(autouse=True)
def rows(here: Query) -> None:
    here("CREATE TABLE t (id int PRIMARY KEY, v text, n numeric, at timestamptz DEFAULT '2013-02-01')")
    here("INSERT INTO t SELECT n, repeat('x', 200), n / 7.0 FROM generate_series(1, 20000) AS n")


@pytest.fixture(autouse=True)
def encrypted(
    source: Connection, warehouse: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Both connections with TLS, whose certificate is verified; gives the one of the source."""
    (tmp_path / "source").mkdir()
    (tmp_path / "warehouse").mkdir()
    with (
        behind_tls(_host(source), _port(source), tmp_path / "source") as (near, certificate),
        behind_tls(_host(warehouse), _port(warehouse), tmp_path / "warehouse") as (far, other),
    ):
        monkeypatch.setenv("PENSTOCK_CONN_SOURCE", _uri(source, near, certificate))
        monkeypatch.setenv("PENSTOCK_CONN_WAREHOUSE", _uri(warehouse, far, other))
        # Frames would be those of TLS, not of the protocol.
        monkeypatch.setattr(wire.Frames, "blocks", None)
        monkeypatch.setattr(CopyStream, "forward", None)
        yield certificate


def _host(connection: Connection) -> str:
    assert connection.host is not None
    return connection.host


def _port(connection: Connection) -> int:
    assert connection.port is not None
    return connection.port


def _uri(connection: Connection, port: int, certificate: Path) -> str:
    assert connection.password is not None
    password = quote(connection.password.reveal(), safe="")
    options = f"sslmode=verify-full&sslrootcert={quote(str(certificate), safe='')}"
    return f"postgres://{connection.login}:{password}@127.0.0.1:{port}/{connection.database}?{options}"


def test_new_tables_merges_and_mirrors(here: Query, there: Query) -> None:
    assert penstock.copy("source:t", "warehouse:t").inserted == 20000
    assert there(_SUM) == here(_SUM)
    here("UPDATE t SET v = 'new' WHERE id <= 10")
    here("DELETE FROM t WHERE id > 19990")
    here("INSERT INTO t VALUES (30000, 'also new')")
    merged = penstock.copy("source:t", "warehouse:t", mode="merge")
    assert (merged.inserted, merged.updated, merged.unchanged) == (1, 10, 19980)
    assert penstock.copy("source:t", "warehouse:t", mode="mirror").deleted == 10
    assert there(_SUM) == here(_SUM)


def test_many_ranges_at_once(here: Query, there: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_table, "PART_PAGES", 32)
    monkeypatch.setattr(copy_out, "BLOCK_BYTES", 10_000)
    assert penstock.copy("source:t", "warehouse:t").inserted == 20000
    assert there(_SUM) == here(_SUM)


def test_a_source_that_fails_at_a_row(there: Query) -> None:
    with pytest.raises(SourceError, match="division by zero"):
        penstock.copy("source:t", "warehouse:t", column=["q=1 / (id - 19000)"])
    assert there("SELECT to_regclass('t') IS NULL") == [(True,)]


def test_a_certificate_that_is_not_trusted(
    encrypted: Path, source: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with behind_tls(_host(source), _port(source), tmp_path) as (port, _):
        monkeypatch.setenv("PENSTOCK_CONN_SOURCE", _uri(source, port, encrypted))
        with pytest.raises(ConnectionFailed, match="its certificate is not trusted"):
            penstock.copy("source:t", "warehouse:t")
        monkeypatch.setenv("PENSTOCK_CONN_SOURCE", _uri(source, port, tmp_path / "none.crt"))
        with pytest.raises(ConnectionFailed, match="the CA file is missing"):
            penstock.copy("source:t", "warehouse:t")
        right = _uri(source, port, tmp_path / "server.crt")
        monkeypatch.setenv("PENSTOCK_CONN_SOURCE", right.replace("127.0.0.1", "localhost"))
        with pytest.raises(ConnectionFailed, match="its certificate is for another host"):
            penstock.copy("source:t", "warehouse:t")


def test_a_server_without_encryption(source: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CONN_SOURCE", uri(source).replace("=disable", "=require"))
    with pytest.raises(ConnectionFailed, match="it does not support encryption"):
        penstock.copy("source:t", "warehouse:t")
