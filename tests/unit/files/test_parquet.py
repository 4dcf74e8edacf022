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

from penstock.engine.cleaning.cleaner import Cleaner
from penstock.engine.preview import inspect
from penstock.engine.type_inference import infer
from penstock.files import parquet
from penstock.files.source import open_files
from penstock.model.contract import Column, Kind
from penstock.model.errors import SourceError
from penstock.model.file_options import FileOptions


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(parquet, "_BATCH_ROWS", 7)


TAGS = pa.list_(pa.string())


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


@pytest.mark.parametrize("groups", [0, 1])
def test_a_file_without_rows_states_its_types(groups: int) -> None:
    types = {
        "id": pa.int64(),
        "day": pa.date32(),
        "kind": pa.dictionary(pa.int8(), pa.string()),
        "tags": TAGS,
    }
    with pq.ParquetWriter("a.parquet", pa.schema(types)) as writer:
        for _ in range(groups):
            writer.write_table(pa.schema(types).empty_table())
    assert pq.ParquetFile("a.parquet").num_row_groups == groups
    source = open_files("a.parquet", FileOptions())
    found = drain(source)
    assert (found.columns, found.rows) == (("id", "day", "kind", "tags"), [])
    assert [column.type for column in infer(source, FileOptions())] == ["bigint", "date", "text", "text"]


MOMENTS = [
    (pa.date32(), "5881580-07-11"),
    (pa.timestamp("ms"), "146140482-04-24 15:36:27.904"),
    (pa.timestamp("us"), "148108-07-06 14:00:27.387904"),
    (pa.timestamp("us", "UTC"), "148108-07-06 14:00:27.387904Z"),
    (pa.timestamp("us", "Mars/Olympus"), "148108-07-06 14:00:27.387904Z"),
    (pa.timestamp("ns"), "2116-02-20 23:53:38.427387904"),
]


@pytest.mark.parametrize(("type_", "text"), MOMENTS)
def test_moments_of_any_year_inside_other_values(type_: pa.DataType, text: str) -> None:
    number = 2**31 - 1 if type_ == pa.date32() else 2**62
    moments = pa.array([number, None], pa.int32() if type_ == pa.date32() else pa.int64()).cast(type_)
    bounds = pa.array([0, 1, 2], pa.int32())
    pq.write_table(
        pa.table(
            {
                "list": pa.ListArray.from_arrays(bounds, moments),
                "struct": pa.StructArray.from_arrays([moments], ["x"]),
                "map": pa.MapArray.from_arrays(bounds, pa.array(["k", "k"]), moments),
            }
        ),
        "a.parquet",
    )
    shown = json.dumps(text)
    assert drain(open_files("a.parquet", FileOptions())).rows == [
        (f"[{shown}]", f'{{"x": {shown}}}', f'{{"k": {shown}}}'),
        ("[null]", '{"x": null}', '{"k": null}'),
    ]


@pytest.mark.parametrize(("type_", "text"), MOMENTS)
def test_moments_of_any_year_are_exact_in_a_text_column(type_: pa.DataType, text: str) -> None:
    number = 2**31 - 1 if type_ == pa.date32() else 2**62
    moments = pa.array([number], pa.int32() if type_ == pa.date32() else pa.int64()).cast(type_)
    pq.write_table(pa.table({"c": moments}), "a.parquet")
    source = open_files("a.parquet", FileOptions())
    (batch,) = source.batches()
    (wide,) = infer(source, FileOptions())
    texts = Column(name="c", type="text", kind=Kind.TEXT)
    assert Cleaner([(texts, "c")], FileOptions()).clean(batch).rows.column(0).to_pylist() == [text]
    assert batch.raw([0]) == [json.dumps({"c": text})]
    assert inspect(source, FileOptions(), 1).sample == [(text,)]
    within = (pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.timestamp("us", "Mars/Olympus"))
    assert (wide.type != "text") == (type_ in within)


@pytest.mark.parametrize("number", [-1, 86_400_000_000])
def test_times_beyond_a_day_are_rejected(number: int) -> None:
    times = pa.array([0, number, None]).cast(pa.time64("us"))
    bounds = pa.array([0, 1, 2, 3], pa.int32())
    pq.write_table(pa.table({"c": times, "l": pa.ListArray.from_arrays(bounds, times)}), "a.parquet")
    found = drain(open_files("a.parquet", FileOptions()))
    assert [row[1] for row in found.rows] == ['["00:00:00.000000"]', "[null]"]
    assert found.reasons == [(2, "out_of_range")]
    assert found.rejects[0].message == f"'{number} us' after midnight is not a time of a day"
    assert json.loads(found.rejects[0].raw) == {"c": f"{number} us", "l": [f"{number} us"]}


def test_texts_that_are_not_utf_8_are_rejected() -> None:
    stored = pa.array([b"ok", b"caf\xe9", None], pa.binary())
    texts = pa.Array.from_buffers(pa.string(), 3, stored.buffers())
    bounds = pa.array([0, 1, 2, 3], pa.int32())
    columns = {
        "plain": texts,
        "list": pa.ListArray.from_arrays(bounds, texts),
        "struct": pa.StructArray.from_arrays([texts], ["x"]),
        "map": pa.MapArray.from_arrays(bounds, pa.array(["k"] * 3), texts),
    }
    for name, array in columns.items():
        pq.write_table(pa.table({"id": [1, 2, 3], name: array}), "a.parquet")
        found = drain(open_files("a.parquet", FileOptions()))
        assert (found.lines, found.reasons) == ([1, 3], [(2, "bad_encoding")])
        assert found.rejects[0].message == r"'caf\\xe9' is not valid UTF-8 at byte 4"
        assert r"caf\\xe9" in found.rejects[0].raw


def test_keys_that_are_not_utf_8_are_rejected() -> None:
    keys = pa.Array.from_buffers(pa.string(), 2, pa.array([b"k", b"\xff"], pa.binary()).buffers())
    maps = pa.MapArray.from_arrays(pa.array([0, 1, 2], pa.int32()), keys, pa.array([1, 2]))
    pq.write_table(pa.table({"map": maps}), "a.parquet")
    found = drain(open_files("a.parquet", FileOptions()))
    assert (found.rows, found.reasons) == ([('{"k": 1}',)], [(2, "bad_encoding")])


def test_keys_of_any_type_become_names() -> None:
    keys = pa.array([dt.date(2013, 2, 1), dt.date(2013, 2, 2)])
    maps = pa.MapArray.from_arrays(pa.array([0, 2], pa.int32()), keys, pa.array([1, 2]))
    pq.write_table(pa.table({"map": maps}), "a.parquet")
    assert drain(open_files("a.parquet", FileOptions())).rows == [('{"2013-02-01": 1, "2013-02-02": 2}',)]


def test_a_group_without_columns_is_refused() -> None:
    # No writer at hand makes one: the footer holds a required group "c" of no children, and one row group of 2 rows.
    root = b"\x48\x06schema\x15\x02\0"
    group = b"\x35\x00\x18\x01c\x15\x00\0"
    meta = b"\x15\x02\x19\x2c" + root + group + b"\x16\x04\x19\x1c\x19\x0c\x16\x00\x16\x04\0\0"
    Path("a.parquet").write_bytes(b"PAR1" + meta + len(meta).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(SourceError, match="has a group without columns in 'c'"):
        drain(open_files("a.parquet", FileOptions()))


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
