"""Parquet: types are kept."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.files.reading import drain

from penstock.files import parquet
from penstock.files.source import open_files
from penstock.model.errors import SourceError
from penstock.model.plan import FileOptions


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(parquet, "_BATCH_ROWS", 7)


def test_rows_come_back_in_their_types() -> None:
    table = pa.table(
        {
            "id": pa.array(range(20), pa.int32()),
            "price": pa.array([Decimal("1.10")] * 20, pa.decimal128(9, 2)),
            "day": pa.array([dt.date(2013, 2, 1)] * 20),
            "kind": pa.array(["a", None] * 10).dictionary_encode(),
            "tags": pa.array([[1, None], None] * 10),
            "point": pa.array([{"x": 1.5, "d": Decimal("1.10")}, None] * 10),
            "map": pa.array([[("k", 1)], None] * 10, pa.map_(pa.string(), pa.int64())),
        }
    )
    pq.write_table(table, "a.parquet", row_group_size=5)
    source = open_files("a.parquet", FileOptions())
    found = drain(source)
    assert found.rows[0] == (
        0,
        Decimal("1.10"),
        dt.date(2013, 2, 1),
        "a",
        "[1, null]",
        '{"x": 1.5, "d": "1.10"}',
        '{"k": 1}',
    )
    assert found.rows[19] == (19, Decimal("1.10"), dt.date(2013, 2, 1), None, None, None, None)
    assert found.lines == list(range(1, 21))
    schema = next(source.batches()).rows.schema
    assert schema.types[:4] == [pa.int32(), pa.decimal128(9, 2), pa.date32(), pa.string()]
    assert json.loads(found.raw[0])["price"] == "1.10"
    assert json.loads(found.raw[0])["day"] == "2013-02-01"


def test_text_with_a_nul_is_rejected() -> None:
    pq.write_table(pa.table({"id": [1, 2, 3], "t": ["a", "b\0", None]}), "a.pq")
    found = drain(open_files("a.pq", FileOptions()))
    assert (found.rows, found.lines, found.reasons) == ([(1, "a"), (3, None)], [1, 3], [(2, "bad_encoding")])
    assert found.rejects[0].raw == '{"id": 2, "t": "b\\\\x00"}'


def test_columns_in_another_order() -> None:
    pq.write_table(pa.table({"id": [1], "name": ["x"]}), "a.parquet")
    pq.write_table(pa.table({"Name": ["y"], "ID": [2]}), "b.parquet")
    assert drain(open_files("*.parquet", FileOptions())).rows == [(1, "x"), (2, "y")]


def test_no_rows() -> None:
    pq.write_table(pa.table({"id": pa.array([], pa.int64())}), "a.parquet")
    found = drain(open_files("a.parquet", FileOptions()))
    assert (found.columns, found.rows) == (("id",), [])


@pytest.mark.parametrize("data", [b"", b"id\n1\n", b"PAR1" + b"x" * 100 + b"PAR1"])
def test_files_that_are_no_parquet(data: bytes) -> None:
    Path("a.parquet").write_bytes(data)
    with pytest.raises(SourceError, match=r"'a\.parquet' is no"):
        drain(open_files("a.parquet", FileOptions()))


def test_a_map_with_a_key_twice_loses_nothing() -> None:
    type_ = pa.map_(pa.string(), pa.int64())
    maps = pa.array([[("k", 1)], [("k", 1), ("k", 2)], None], type_)
    pq.write_table(
        pa.table({"map": maps, "maps": pa.array([[m] for m in maps.to_pylist()], pa.list_(type_))}), "a.pq"
    )
    found = drain(open_files("a.pq", FileOptions()))
    assert found.rows == [
        ('{"k": 1}', '[{"k": 1}]'),
        ('[["k", 1], ["k", 2]]', '[[["k", 1], ["k", 2]]]'),
        (None, "[null]"),
    ]
    assert json.loads(found.raw[1])["map"] == [["k", 1], ["k", 2]]
