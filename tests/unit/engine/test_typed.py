from __future__ import annotations

import math
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.engine.cleaning import batch_of, column

from penstock.engine.cleaning.cleaner import CleanBatch, Cleaner
from penstock.model.file_options import FileOptions


def clean(type_: str, array: pa.Array, **options: Any) -> CleanBatch:
    return Cleaner([(column(type_), "c")], FileOptions(**options)).clean(batch_of({"c": array}))


def values(type_: str, array: pa.Array, **options: Any) -> list[Any]:
    result = clean(type_, array, **options)
    assert result.rejects == []
    result.rows.validate(full=True)
    found: list[Any] = result.rows.column(0).to_pylist()
    return found


def test_whole_numbers() -> None:
    result = clean("smallint", pa.array([1, None, 2**15, -(2**15), -(2**40)], pa.int64()))
    assert result.rows.column(0).to_pylist() == [1, None, -(2**15)]
    assert [(r.line, r.reason, r.message) for r in result.rejects] == [
        (4, "out_of_range", "'32768' is out of range for smallint"),
        (6, "out_of_range", "'-1099511627776' is out of range for smallint"),
    ]
    assert values("bigint", pa.array([2**63 - 1], pa.uint64())) == [2**63 - 1]
    assert len(clean("bigint", pa.array([2**63, None], pa.uint64())).rejects) == 1
    assert values("numeric(20,0)", pa.array([2**63], pa.uint64())) == [2**63]
    assert values("text", pa.array([1, None], pa.int8())) == ["1", None]


def test_whole_floats_and_decimals_are_integers() -> None:
    assert values("integer", pa.array([1.0, None, -0.0])) == [1, None, 0]
    assert values("bigint", pa.array([2.0**62, 1e16])) == [2**62, 10**16]
    result = clean("bigint", pa.array([1.5, math.nan, math.inf, 1e30]))
    assert {reject.reason for reject in result.rejects} == {"bad_type"}
    assert values("integer", pa.array([Decimal("5.00"), None])) == [5, None]
    assert len(clean("integer", pa.array([Decimal("5.50")])).rejects) == 1


def test_floats() -> None:
    assert values("double precision", pa.array([0.1, None], pa.float32())) == [float(np.float32(0.1)), None]
    assert values("real", pa.array([0.1, math.inf])) == [float(np.float32(0.1)), math.inf]
    assert len(clean("real", pa.array([1e39, 1e-60, 0.0])).rejects) == 2
    assert values("numeric", pa.array([0.1, 1e20, 1e-7, 123.25])) == [
        Decimal("0.1"), 10**20, Decimal("1e-7"), Decimal("123.25")
    ]  # fmt: skip


def test_decimals_are_exact_or_refused() -> None:
    array = pa.array([Decimal("1.50"), None, Decimal("1.239"), Decimal(99999999999)], pa.decimal128(20, 3))
    result = clean("numeric(12,2)", array)
    assert result.rows.column(0).to_pylist() == [Decimal("1.50"), None]
    assert {reject.reason for reject in result.rejects} == {"out_of_range"}
    assert values("numeric(38,2)", pa.array([Decimal("1" * 30)], pa.decimal256(50, 0))) == [Decimal("1" * 30)]
    assert values("text", pa.array([Decimal("1e-7")], pa.decimal128(20, 10))) == ["0.0000001000"]


def test_dates_and_moments() -> None:
    day, moment = date(2013, 2, 3), datetime(2013, 2, 3, 4, 5, 6, 7)  # noqa: DTZ001
    assert values("date", pa.array([day, None], pa.date64())) == [day, None]
    assert values("timestamp", pa.array([day, None])) == [datetime(2013, 2, 3), None]  # noqa: DTZ001
    assert values("date", pa.array([datetime(2013, 2, 3)], pa.timestamp("ns"))) == [day]  # noqa: DTZ001
    assert clean("date", pa.array([moment])).rejects[0].reason == "bad_type"
    assert values("timestamp", pa.array([moment, None])) == [moment, None]
    assert values("timestamptz", pa.array([moment])) == [moment.replace(tzinfo=UTC)]
    assert values("timestamptz", pa.array([moment], pa.timestamp("us", "+02:00"))) == [
        moment.replace(tzinfo=UTC)
    ]
    assert clean("timestamp", pa.array([moment], pa.timestamp("us", "UTC"))).rejects[0].reason == "bad_type"
    assert values("text", pa.array([moment], pa.timestamp("us", "UTC"))) == ["2013-02-03 04:05:06.000007Z"]
    assert values("timestamp", pa.array([1], pa.timestamp("s"))) == [datetime(1970, 1, 1, 0, 0, 1)]  # noqa: DTZ001


def test_moments_beyond_the_server_s() -> None:
    result = clean("timestamp", pa.array([1_000, 1_001, None], pa.timestamp("ns")))
    assert (len(result.rows), result.rejects[0].reason) == (2, "out_of_range")
    assert clean("timestamp", pa.array([2**62], pa.timestamp("s"))).rejects[0].reason == "out_of_range"
    assert clean("timestamptz", pa.array([-(2**62)], pa.timestamp("us"))).rejects[0].reason == "out_of_range"
    assert clean("date", pa.array([2**31 - 1], pa.date32())).rejects[0].reason == "out_of_range"


@pytest.mark.parametrize(
    "type_", [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.binary_view()]
)
def test_texts_of_each_layout(type_: pa.DataType) -> None:
    assert values("integer", pa.array(["1", None, " 2"]).cast(type_)) == [1, None, 2]
    assert values("varchar(2)", pa.array(["ä", None]).cast(type_)) == ["ä", None]


def test_texts_that_are_no_utf_8() -> None:
    broken = pa.array([b"ok", b"\xff", None], pa.binary())
    for array in (broken, pa.Array.from_buffers(pa.string(), 3, broken.buffers())):
        result = clean("text", array)
        assert result.rows.column(0).to_pylist() == ["ok", None]
        assert [(r.line, r.reason) for r in result.rejects] == [(3, "bad_encoding")]


def test_wrapped_arrays() -> None:
    assert values("integer", pa.array([1, None, 1]).dictionary_encode()) == [1, None, 1]
    assert values("text", pa.array(["a", None, "a"]).dictionary_encode()) == ["a", None, "a"]
    assert values("date", pa.nulls(2)) == [None, None]
    one = uuid.uuid4()
    assert values("uuid", pa.array([one.bytes], pa.uuid())) == [one.bytes]


def test_others() -> None:
    assert values("boolean", pa.array([True, None])) == [True, None]
    assert values("text", pa.array([True, None])) == ["true", None]
    assert values("bytea", pa.array([b"\xff", None])) == [b"\xff", None]
    assert values("bytea", pa.array([b"ab"], pa.binary(2))) == [b"ab"]
    assert values("time", pa.array([time(1, 2, 3)])) == ["01:02:03.000000"]
    assert values("jsonb", pa.array([{"a": [1, None]}, None])) == ['{"a": [1, null]}', None]


def test_markers_and_missing_values() -> None:
    assert values("integer", pa.array([-1, 1]), null_values=("-1",)) == [None, 1]
    assert values("double precision", pa.array([-1.0, 1]), null_values=("-1",)) == [None, 1]
    (reject,) = (
        Cleaner([(column("integer"), "c")], FileOptions(), required=["c"])
        .clean(batch_of({"c": pa.array([None, 1])}))
        .rejects
    )
    assert reject.reason == "missing"


@pytest.mark.parametrize(
    ("stored", "type_", "refused"),
    [
        (pa.decimal128(12, 2), "numeric(12,2)", 0),
        (pa.decimal128(10, 1), "numeric(12,2)", 0),
        (pa.decimal128(38, 2), "numeric(38,2)", 0),
        (pa.decimal128(12, 2), "numeric(6,2)", 1),  # one value has too many digits
        (pa.decimal128(12, 3), "numeric(12,2)", 0),  # finer by its type, but not by its values
        (pa.decimal128(12, 2), "numeric(12,1)", 1),  # one value is finer
    ],
)
def test_decimals_that_fit_by_their_type_go_straight(stored: pa.DataType, type_: str, refused: int) -> None:
    wide = refused == 1
    given = [Decimal("-1.5"), None, Decimal("12345.25" if wide else "0.5"), Decimal(0)]
    result = clean(type_, pa.array(given, stored))
    kept = [value for value in given if not (wide and value == Decimal("12345.25"))]
    assert result.rows.column(0).to_pylist() == kept
    assert len(result.rejects) == refused


def test_moments_beyond_what_arrow_writes() -> None:
    assert values("text", pa.array([2**62, None], pa.timestamp("s"))) == ["146138514283-06-19 07:45:04", None]
    assert values("text", pa.array([-(2**62), 0], pa.timestamp("us", "UTC"))) == [
        "-144169-06-28 09:59:32.612096Z",
        "1970-01-01 00:00:00.000000Z",
    ]
    assert values("text", pa.array([-(2**63)], pa.timestamp("us"))) == [f"{-(2**63)} us since 1970"]
