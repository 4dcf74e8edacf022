"""From a table to objects, through the real S3 server."""

from __future__ import annotations

import gzip
import io
import json
import select
import socket
import socketserver
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from tests.databases import uri
from tests.integration.objects.conftest import as_json

import penstock
from penstock.model.connection import Connection, Secret
from penstock.model.errors import ConnectionFailed, SourceError, TargetError, UsageError
from penstock.model.manifest import NAME, Manifest
from penstock.objects.export.session import ObjectsSession
from penstock.objects.s3 import S3Store
from penstock.ports import Entry, ObjectStore
from penstock.postgres.connect import connect

Execute = Callable[[str], list[dict[str, object]]]

LABOR = """
    CREATE TABLE labor (id int PRIMARY KEY, name text, pay numeric(10,2), at timestamptz, more jsonb, day date);
    INSERT INTO labor VALUES
        (1, 'Ann', 12.50, '2013-02-01 09:00+01', '{"a": [1]}', '2013-02-01'),
        (2, '', NULL, NULL, NULL, 'infinity')
"""
MANY = "CREATE TABLE many AS SELECT i, md5(i::text) AS a, md5((i * 7)::text) AS b FROM generate_series(1, 100000) AS i"


def manifest(store: ObjectStore, prefix: str) -> Manifest:
    return Manifest.from_json(store.get(f"{prefix}{NAME}"), prefix)


def tables(store: ObjectStore, prefix: str) -> pa.Table:
    files = [file.name for file in manifest(store, prefix).files]
    return pa.concat_tables([pq.read_table(io.BytesIO(store.get(prefix + name))) for name in files])


def keys(store: ObjectStore) -> list[str]:
    return [one.key for one in store.list()]


def test_parquet_keeps_every_value_and_says_what_it_was(store: S3Store, execute: Execute) -> None:
    execute(LABOR)

    result = penstock.copy("source:labor", f"{store.name}/2013-02-01/labor/")

    assert (result.read, result.loaded, result.inserted, result.rejected) == (2, 2, 2, 0)
    table = tables(store, "2013-02-01/labor/")
    assert table.to_pylist() == [
        {
            "id": 1,
            "name": "Ann",
            "pay": Decimal("12.50"),
            "at": datetime(2013, 2, 1, 8, tzinfo=UTC),
            "more": '{"a": [1]}',
            "day": "2013-02-01",
        },
        {"id": 2, "name": "", "pay": None, "at": None, "more": None, "day": "infinity"},
    ]
    found = manifest(store, "2013-02-01/labor/")
    assert [(column.name, column.type, column.stored) for column in found.columns][2:] == [
        ("pay", "numeric(10,2)", "decimal128(10, 2)"),
        ("at", "timestamp with time zone", "timestamp[us, tz=UTC]"),
        ("more", "jsonb", "string"),
        ("day", "date", "string"),  # no date of Arrow's is at infinity
    ]
    assert (found.rows, found.source, found.id) == (2, "source:labor", result.id)


@pytest.mark.parametrize(
    ("compression", "suffix", "unpack"),
    [
        (None, ".csv", bytes),
        ("gz", ".csv.gz", gzip.decompress),
        ("zstd", ".csv.zst", lambda data: zstandard.ZstdDecompressor().stream_reader(data).read()),
    ],
)
def test_csv_is_the_servers_own_text(
    store: S3Store, execute: Execute, compression: str | None, suffix: str, unpack: Callable[[bytes], bytes]
) -> None:
    execute(LABOR)

    penstock.copy("source:labor", f"{store.name}/labor", format="csv", compression=compression)

    (file,) = manifest(store, "labor/").files
    assert file.name.endswith(suffix)
    assert unpack(store.get(f"labor/{file.name}")).decode().splitlines() == [
        "id,name,pay,at,more,day",
        '1,Ann,12.50,2013-02-01 08:00:00+00,"{""a"": [1]}",2013-02-01',
        '2,"",,,,infinity',
    ]


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_files_are_split_by_size_and_hold_every_row_once(store: S3Store, execute: Execute, form: str) -> None:
    execute(MANY)

    result = penstock.copy("source:many", f"{store.name}/many/", format=form, max_file_size="1MB")  # type: ignore[arg-type]

    found = manifest(store, "many/")
    assert len(found.files) > 1
    assert sum(file.rows for file in found.files) == result.loaded == 100_000
    stored = {one.key: one.size for one in store.list()}
    assert {f"many/{file.name}": file.size for file in found.files} == {
        key: size for key, size in stored.items() if not key.endswith(NAME)
    }
    if form == "parquet":
        assert sorted(tables(store, "many/")["i"].to_pylist()) == list(range(1, 100_001))
    else:
        lines = [
            line for file in found.files for line in store.get(f"many/{file.name}").decode().splitlines()
        ]
        assert lines.count("i,a,b") == len(found.files)
        assert len(set(lines)) == 100_001


def test_a_second_run_replaces_the_first(store: S3Store, execute: Execute) -> None:
    execute(LABOR)
    penstock.copy("source:labor", f"{store.name}/day/labor/")
    store.put("day/labor/notes.txt", b"not ours")
    before = manifest(store, "day/labor/")

    execute("DELETE FROM labor WHERE id = 2")
    result = penstock.copy("source:labor", f"{store.name}/day/labor/")

    after = manifest(store, "day/labor/")
    assert (result.loaded, result.deleted) == (1, 2)
    assert after.fingerprint != before.fingerprint
    expected = {"day/labor/notes.txt", f"day/labor/{NAME}", f"day/labor/{after.files[0].name}"}
    assert set(keys(store)) == expected


def test_another_tables_export_is_not_replaced_unawares(store: S3Store, execute: Execute) -> None:
    execute(LABOR)
    execute("CREATE TABLE other AS SELECT 1 AS a")
    penstock.copy("source:labor", f"{store.name}/labor/")
    before = keys(store)

    with pytest.raises(
        UsageError, match=r"labor/ holds an export of source:labor \(2 rows\); nothing was"
    ) as refused:
        penstock.copy("source:other", f"{store.name}/labor/")
    assert keys(store) == before
    assert "--mode replace" in str(refused.value.hint)
    penstock.copy("source:other", f"{store.name}/labor/", mode="replace")

    assert manifest(store, "labor/").source == "source:other"


def test_another_databases_export_is_not_replaced_unawares(
    store: S3Store, execute: Execute, warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(LABOR)
    penstock.copy("source:labor", f"{store.name}/labor/")
    monkeypatch.setenv("PENSTOCK_CONN_SOURCE", uri(warehouse))  # as another environment has it
    with connect(warehouse) as session:
        session.execute("CREATE TABLE labor AS SELECT 1 AS id")

    with pytest.raises(UsageError, match="holds an export of source:labor of another database"):
        penstock.copy("source:labor", f"{store.name}/labor/")

    assert manifest(store, "labor/").rows == 2


def test_an_export_that_another_database_published_meanwhile_stays(
    store: S3Store, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two databases do not see each other's locks."""
    execute(LABOR)
    publish = ObjectsSession.publish

    def late(session: ObjectsSession, named: Manifest, entry: Entry) -> None:
        other = replace(named, run="other", database="another", rows=0, files=())
        store.put(f"labor/{NAME}", other.to_json().encode())
        publish(session, named, entry)

    monkeypatch.setattr(ObjectsSession, "publish", late)
    with pytest.raises(TargetError, match="another database exported to"):
        penstock.copy("source:labor", f"{store.name}/labor/")

    assert manifest(store, "labor/").run == "other"
    assert keys(store) == [f"labor/{NAME}"]
    assert execute("SELECT to_regclass('penstock_ledger.copies') AS t") == [{"t": None}]


def test_the_same_rows_have_the_same_identity(store: S3Store, execute: Execute) -> None:
    execute(LABOR)

    first = penstock.copy("source:labor", f"{store.name}/labor/")
    second = penstock.copy("source:labor", f"{store.name}/labor/")

    assert first.id == second.id


def test_a_table_without_rows_is_a_file_that_says_its_columns(store: S3Store, execute: Execute) -> None:
    execute("CREATE TABLE nothing (a int, b numeric(4,1), c jsonb)")

    assert penstock.copy("source:nothing", f"{store.name}/nothing/").loaded == 0
    assert tables(store, "nothing/").schema.names == ["a", "b", "c"]


def test_only_text_that_repeats_has_a_dictionary(store: S3Store, execute: Execute) -> None:
    execute(
        "CREATE TABLE mixed AS SELECT i, md5(i::text) AS unlike, 'city ' || i % 9 AS alike,"
        " jsonb_build_object('k', i % 5) AS more, NULL::text AS nothing FROM generate_series(1, 3000) AS i"
    )

    penstock.copy("source:mixed", f"{store.name}/mixed.parquet")

    group = pq.ParquetFile(io.BytesIO(store.get("mixed.parquet"))).metadata.row_group(0)
    columns = [group.column(place) for place in range(group.num_columns)]
    found = {column.path_in_schema for column in columns if column.has_dictionary_page}
    assert found == {"alike", "more", "nothing"}


def test_one_object(store: S3Store, execute: Execute) -> None:
    execute(LABOR)

    penstock.copy("source:labor", f"{store.name}/day/labor.csv.gz")
    penstock.copy("source:labor", f"{store.name}/day/labor.parquet")

    assert keys(store) == ["day/labor.csv.gz", "day/labor.parquet"]
    assert gzip.decompress(store.get("day/labor.csv.gz")).startswith(b"id,name")
    assert pq.read_table(io.BytesIO(store.get("day/labor.parquet"))).num_rows == 2


def test_a_query_and_a_filter(store: S3Store, execute: Execute) -> None:
    execute(LABOR)

    penstock.copy("source", f"{store.name}/a/", query="SELECT id, pay * 2 AS double FROM labor WHERE id = 1;")
    penstock.copy(
        "source:labor", f"{store.name}/b/", filter_column="day", filter_value="infinity", columns="id"
    )

    assert tables(store, "a/").to_pylist() == [{"id": 1, "double": Decimal("25.00")}]
    assert tables(store, "b/").to_pylist() == [{"id": 2}]


def test_a_directory(tmp_path: Path, execute: Execute) -> None:
    execute(LABOR)

    penstock.copy("source:labor", f"{tmp_path}/out/")

    found = Manifest.from_json((tmp_path / "out" / NAME).read_bytes(), "out")
    assert pq.read_table(tmp_path / "out" / found.files[0].name).num_rows == 2


def test_the_source_keeps_the_account(store: S3Store, execute: Execute) -> None:
    execute(LABOR)

    result = penstock.copy("source:labor", f"{store.name}/labor/")

    (row,) = execute("SELECT id, target, read, loaded FROM penstock_ledger.copies")
    assert row == {"id": result.id, "target": f"{store.name}/labor/", "read": 2, "loaded": 2}


def test_a_login_that_may_only_read_exports_too(
    store: S3Store, execute: Execute, source: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its account is in the manifest alone."""
    execute(LABOR)
    execute("ALTER DATABASE " + str(source.database) + " SET default_transaction_read_only = on")

    result = penstock.copy("source:labor", f"{store.name}/labor/")

    assert manifest(store, "labor/").id == result.id


# -- what goes wrong


def unfinished(store: S3Store) -> int:
    return store.sweep("")


def test_rows_that_cannot_be_read_to_their_end_leave_the_old_export(store: S3Store, execute: Execute) -> None:
    execute(MANY)
    penstock.copy("source:many", f"{store.name}/many/", max_file_size="1MB")
    before = keys(store)

    execute("CREATE VIEW broken AS SELECT *, 1 / (i - 99000) AS c FROM many")
    with pytest.raises(SourceError, match="division by zero"):
        penstock.copy("source:broken", f"{store.name}/many/", max_file_size="1MB", mode="replace")

    assert keys(store) == before
    assert unfinished(store) == 0


def test_no_bucket(objects: Connection, execute: Execute) -> None:
    execute(LABOR)

    with pytest.raises(ConnectionFailed, match="no bucket 'nowhere-at-all' in objects"):
        penstock.copy("source:labor", "s3://nowhere-at-all/labor/")


@pytest.mark.parametrize(
    ("login", "password", "words"),
    [
        (None, "wrong", "secret is not this key's"),
        ("AKIAWRONGWRONGWRONG", None, "does not know this access key"),
    ],
)
def test_wrong_keys(
    store: S3Store,
    objects: Connection,
    execute: Execute,
    monkeypatch: pytest.MonkeyPatch,
    login: str | None,
    password: str | None,
    words: str,
) -> None:
    execute(LABOR)
    wrong = replace(
        objects, login=login or objects.login, password=Secret(password) if password else objects.password
    )
    monkeypatch.setenv("PENSTOCK_CONN_OBJECTS", as_json(wrong))

    with pytest.raises(ConnectionFailed, match=words) as failed:
        penstock.copy("source:labor", f"{store.name}/labor/")

    assert "wrong" not in str(failed.value)


def test_nothing_answers(execute: Execute, objects: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    execute(LABOR)
    monkeypatch.setenv("PENSTOCK_CONN_OBJECTS", as_json(objects, endpoint_url="http://127.0.0.1:9"))

    with pytest.raises(ConnectionFailed, match="cannot reach objects"):
        penstock.copy("source:labor", "s3://replication-bucket/labor/")


def test_a_manifest_that_is_none(store: S3Store, execute: Execute) -> None:
    execute(LABOR)
    store.put(f"labor/{NAME}", json.dumps({"version": 2}).encode())

    with pytest.raises(SourceError, match="has the unknown version 2"):
        penstock.copy("source:labor", f"{store.name}/labor/")


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("s3://b/t/", {"format": "jsonl"}, "unknown export format 'jsonl'"),
        ("s3://b/t/", {"compression": "lzma"}, "does not support the compression lzma"),
        ("s3://b/t/", {"mode": "merge"}, "exports replace all files"),
        ("s3://b/t/", {"max_file_size": "lots"}, "invalid size 'lots'"),
        ("s3://b/t/", {"cursor": "id"}, "do not support --cursor"),
        ("s3://b/t.csv", {"max_file_size": "1MB"}, "has no size limit"),
        ("s3://b/t.csv", {"format": "parquet"}, "is csv, but --format is parquet"),
        ("s3://b/t.xlsx", {}, "no format for the file name"),
        ("out", {}, "ambiguous target"),
    ],
)
def test_what_makes_no_sense(target: str, options: dict[str, str], words: str) -> None:
    target = target.replace("s3://b/", "s3://replication-bucket/")
    with pytest.raises(UsageError, match=words):
        penstock.copy("source:labor", target, **options)  # type: ignore[arg-type]


class CutOff(socketserver.ThreadingTCPServer):
    """In front of the store: a connection that has sent so much is cut off."""

    daemon_threads = True
    limit = 2_000_000

    def __init__(self, store: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Line)
        self.store = store


class _Line(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, CutOff)
        sent = 0
        with socket.create_connection(self.server.store) as onward:
            while True:
                ready, _, _ = select.select([self.request, onward], [], [], 30)
                for one in ready:
                    if not (data := one.recv(65536)):
                        return
                    if one is self.request:
                        sent += len(data)
                        if sent > self.server.limit:
                            return
                    (onward if one is self.request else self.request).sendall(data)


def test_an_upload_that_is_cut_off(
    store: S3Store, objects: Connection, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(MANY)
    penstock.copy("source:many", f"{store.name}/many/", format="csv")
    before = keys(store)
    execute("INSERT INTO many SELECT * FROM many; INSERT INTO many SELECT * FROM many")  # of several parts
    monkeypatch.setattr("penstock.objects.s3._ATTEMPTS", 2)
    place = urlsplit(objects.extra["endpoint_url"])
    with CutOff((str(place.hostname), int(place.port or 0))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("PENSTOCK_CONN_OBJECTS", as_json(objects, endpoint_url=endpoint))
        with pytest.raises(TargetError, match="the connection to objects was lost"):
            penstock.copy("source:many", f"{store.name}/many/", format="csv")
        server.shutdown()
        thread.join()

    assert keys(store) == before
    assert unfinished(store) == 0
