"""From objects back into a table."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import penstock
from penstock.files import object_source
from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed, SourceError, UsageError
from penstock.model.manifest import NAME
from penstock.objects.s3 import S3Store
from penstock.postgres.connect import connect

Execute = Callable[[str], list[dict[str, object]]]

EVERYTHING = """
    CREATE TYPE mood AS ENUM ('glad', 'sad');
    CREATE TABLE everything (
        id int PRIMARY KEY, ok boolean, small smallint, big bigint, f4 real, f8 double precision, price numeric(12,2),
        open numeric, huge numeric(60,10), name text, code varchar(5), raw bytea, day date, clock time, at timestamp,
        zoned timestamptz, doc jsonb, tags text[], uid uuid, span interval, m mood, ip inet
    )
"""
ROWS = r"""
    INSERT INTO everything VALUES
        (1, true, -32768, 9223372036854775807, 0.1, 0.1, 12.50, 1.2300, 123456789012345678901234567890.5, 'é "x", y',
            'abc', '\x00ff', '2013-02-01', '23:59:59.999999', '2013-02-01 09:30:00.000001', '2013-02-01 09:30+02',
            '{"a": [1.10, null]}', '{"a,b",NULL}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '1 month 2 days', 'sad',
            '10.0.0.1/8'),
        (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            NULL, NULL, NULL, NULL),
        (3, false, 0, 0, 'infinity', 'NaN', 0, 0.0000, 0, '', '', '', 'infinity', '24:00:00', '-infinity',
            '0044-03-15 BC', 'null', '{}', '00000000-0000-0000-0000-000000000000', '-00:00:01', 'glad', '::1')
"""


@pytest.fixture
def load(warehouse: Connection) -> Iterator[Execute]:
    with connect(warehouse) as session:
        session.prepare_threshold = None

        def run(text: str) -> list[dict[str, object]]:
            cursor = session.execute(text)
            return cursor.fetchall() if cursor.description else []

        yield run


def parquet(table: dict[str, object]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(table), sink)
    return sink.getvalue()


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_a_table_goes_there_and_back(store: S3Store, execute: Execute, load: Execute, form: str) -> None:
    execute(EVERYTHING)
    execute(ROWS)
    load(EVERYTHING)

    penstock.copy("source:everything", f"{store.name}/all/", format=form)  # type: ignore[arg-type]
    result = penstock.copy(f"{store.name}/all/", "warehouse:everything")

    assert (result.read, result.loaded, result.rejected) == (3, 3, 0)
    as_text = "SELECT everything::text AS row FROM everything ORDER BY id"
    assert load(as_text) == execute(as_text)


def test_the_same_export_is_loaded_once(store: S3Store, execute: Execute, load: Execute) -> None:
    execute("CREATE TABLE t AS SELECT i FROM generate_series(1, 10) AS i")
    penstock.copy("source:t", f"{store.name}/t/")

    first = penstock.copy(f"{store.name}/t/", "warehouse:t")
    penstock.copy("source:t", f"{store.name}/t/")  # the same rows in another file
    second = penstock.copy(f"{store.name}/t/", "warehouse:t")

    assert (first.already, second.already) == (False, True)
    assert load("SELECT count(*) AS n FROM t") == [{"n": 10}]


def test_an_export_in_several_files(store: S3Store, execute: Execute, load: Execute) -> None:
    execute("CREATE TABLE t AS SELECT i, md5(i::text) AS a FROM generate_series(1, 100000) AS i")
    penstock.copy("source:t", f"{store.name}/t/", max_file_size="1MB")

    result = penstock.copy(f"{store.name}/t", "warehouse:raw.t", key="i")

    assert result.loaded == 100_000
    assert load("SELECT count(DISTINCT a) AS n, sum(i) AS s FROM raw.t") == [
        {"n": 100_000, "s": 5_000_050_000}
    ]


def test_objects_that_nobody_made_a_manifest_for(store: S3Store, load: Execute) -> None:
    store.put("day/a.csv", b"id,name\n1,Ann\n")
    store.put("day/b.csv.gz", gzip.compress(b"id,name\n2,Bob\nx,Cid\n"))
    store.put("day/_SUCCESS", b"")
    load("CREATE TABLE t (id int PRIMARY KEY, name text)")

    result = penstock.copy(f"{store.name}/day/", "warehouse:t")

    assert (result.read, result.loaded, dict(result.rejects)) == (3, 2, {"bad_type": 1})
    (reject,) = load("SELECT file, line, raw FROM penstock_ledger.rejects")
    assert reject == {"file": f"{store.name}/day/b.csv.gz", "line": 3, "raw": "x,Cid"}


def test_one_object_and_a_pattern(store: S3Store, load: Execute) -> None:
    store.put("day/a.jsonl", b'{"id": 1}\n')
    store.put("day/b.jsonl", b'{"id": 2}\n')
    store.put("day/c.parquet", parquet({"id": [3]}))

    penstock.copy(f"{store.name}/day/a.jsonl", "warehouse:one")
    penstock.copy(f"{store.name}/day/*.jsonl", "warehouse:two")
    penstock.copy(f"{store.name}/day/c.parquet", "warehouse:three")

    counted = (
        "SELECT (SELECT count(*) FROM one) AS a, (SELECT count(*) FROM two) AS b, (SELECT id FROM three) AS c"
    )
    assert load(counted) == [{"a": 1, "b": 2, "c": 3}]


def test_a_parquet_value_that_does_not_fit_is_a_reject(store: S3Store, load: Execute) -> None:
    store.put("a.parquet", parquet({"id": [1, 2**40], "at": ["2013-02-01", "soon"]}))
    load("CREATE TABLE t (id int, at date)")

    result = penstock.copy(f"{store.name}/a.parquet", "warehouse:t")

    assert (result.loaded, dict(result.rejects)) == (1, {"out_of_range": 1})


# -- what goes wrong


def test_a_damaged_parquet_file(store: S3Store) -> None:
    store.put("a.parquet", parquet({"id": list(range(1000))})[:-20])

    with pytest.raises(SourceError, match=r"a\.parquet' is not a Parquet file"):
        penstock.copy(f"{store.name}/a.parquet", "warehouse:t")


def test_no_object(store: S3Store) -> None:
    with pytest.raises(SourceError, match=f"no object at {store.name}/nothing/"):
        penstock.copy(f"{store.name}/nothing/", "warehouse:t")


def test_no_bucket(objects: Connection) -> None:
    with pytest.raises(ConnectionFailed, match="no bucket 'nowhere-at-all'"):
        penstock.copy("s3://nowhere-at-all/a.csv", "warehouse:t")


def test_a_file_that_the_manifest_does_not_know(store: S3Store, execute: Execute, load: Execute) -> None:
    execute("CREATE TABLE t AS SELECT 1 AS i")
    penstock.copy("source:t", f"{store.name}/t/", format="csv")
    (name,) = [one.key for one in store.list("t/") if not one.key.endswith(NAME)]
    store.put("t/other.csv", b"i\n2\n")

    assert penstock.copy(f"{store.name}/t/", "warehouse:t").loaded == 1

    store.put(name, b"i\n9\n")
    with pytest.raises(SourceError, match="differs from its manifest"):
        penstock.copy(f"{store.name}/t/", "warehouse:t")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_object_changed_between_list_and_read(
    store: S3Store, load: Execute, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    content = {"csv": b"id\n1\n", "parquet": parquet({"id": [1]})}[form]
    other = {"csv": b"id\n2\n", "parquet": parquet({"id": [2]})}[form]
    store.put(f"a.{form}", content)
    load("CREATE TABLE t (id int)")
    opened = object_source.ObjectFile.open

    def late(self: object_source.ObjectFile) -> io.RawIOBase:
        store.put(f"a.{form}", other)
        return opened(self)

    monkeypatch.setattr(object_source.ObjectFile, "open", late)

    with pytest.raises(SourceError, match=rf"a\.{form}' changed while it was being copied"):
        penstock.copy(f"{store.name}/a.{form}", "warehouse:t")

    assert load("SELECT * FROM t") == []


def test_several_formats(store: S3Store) -> None:
    store.put("day/a.csv", b"id\n1\n")
    store.put("day/b.parquet", parquet({"id": [1]}))

    with pytest.raises(SourceError, match="several formats"):
        penstock.copy(f"{store.name}/day/", "warehouse:t")


def test_an_address_without_a_bucket() -> None:
    with pytest.raises(UsageError, match="no bucket in"):
        penstock.copy("s3:///a.csv", "warehouse:t")
