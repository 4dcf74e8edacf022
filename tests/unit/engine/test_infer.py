from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from time import process_time
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.engine.cleaning import Rows, batch_of

from penstock.engine.cleaning.cleaner import Cleaner, NeedsServer
from penstock.engine.type_inference import infer
from penstock.model.contract import Kind
from penstock.model.file_options import FileOptions
from penstock.ports import Batch


def guess(*texts: str | None, **options: Any) -> str:
    halves = [batch_of({"Some Name": texts[:1]}), batch_of({"Some Name": texts[1:]})]
    (column,) = infer(Rows(*halves), FileOptions(**options))
    assert (column.name, column.nullable) == ("some_name", True)
    return column.type


@pytest.mark.parametrize(
    ("texts", "type_"),
    [
        (["true", "False", None], "boolean"), (["true", "1"], "text"), (["0", "1"], "bigint"), (["t", "f"], "text"),
        (["1", "-20", " 3 ", "NA", ""], "bigint"), (["00123"], "text"), (["1", "+49"], "text"), (["-01"], "text"),
        (["1", "9223372036854775808"], "numeric"), (["1" * 38], "numeric"), (["1" * 39], "text"), (["0"], "bigint"),
        (["1", "2.5"], "numeric"), (["00.5"], "text"), (["0.5", ".5", "5."], "numeric"), (["1.2.3"], "text"),
        (["1.5", "1e5"], "double precision"), (["1", "nan"], "double precision"), (["1e400"], "text"),
        (["9007199254740993", "1e5"], "text"), (["0.30000000000000004", "1e5"], "double precision"),
        (["0.300000000000000044", "1e5"], "text"), (["1e5", "1" * 18], "text"),
        (["2013-02-03", "NULL"], "date"), (["2013-02-30"], "text"), (["2013-02-03", "infinity"], "text"),
        (["2013-02-03", "2013-02-03 04:05"], "timestamp without time zone"), (["2013-02-03", "7"], "text"),
        (["2013-02-03T04:05:06Z"], "timestamp with time zone"), (["31/12/2013"], "text"),
        (["2013-02-03T04:05:06Z", "2013-02-03T04:05:06"], "text"), (["2013-02-03 04:05:06.1234567"], "text"),
        (["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"], "uuid"), (["a0eebc999c0b4ef8bb6d6bb9bd380a11"], "text"),
        (["a", "1"], "text"), ([None], "text"), (["NA", "", None], "text"), ([], "text"),
    ],
)  # fmt: skip
def test_the_narrowest_type_that_holds_all(texts: list[str | None], type_: str) -> None:
    assert guess(*texts) == type_
    assert guess(*reversed(texts)) == type_
    assert guess(*texts * 100) == type_


@pytest.mark.parametrize(
    ("form", "type_"),
    [
        (" {}", "bigint"), ("{} ", "bigint"), ("1844674407370955{}", "numeric"), ("12345678901234567890.{}", "numeric"),
        (" {}.5 ", "numeric"), (" 2013-02-03 04:05:06.{} ", "timestamp without time zone"),
        (" {}e-7", "double precision"),
    ],
)  # fmt: skip
def test_no_form_is_slow(form: str, type_: str) -> None:
    texts = [form.format(number) for number in range(100_000, 120_000)]
    batch = batch_of({"c": texts})
    started = process_time()
    (column,) = infer(Rows(batch), FileOptions())
    cleaned = Cleaner([(column, "c")], FileOptions()).clean(batch)
    assert process_time() - started < 1  # one value after the other took 4 s and more
    assert (column.type, cleaned.rejects) == (type_, [])
    shown = texts[-1].strip()
    assert cleaned.rows.column(0)[-1].as_py() in (
        datetime.fromisoformat(shown) if "-02-" in shown else Decimal(shown),
        float(shown) if "e" in shown else None,
    )


def test_what_counts_as_missing_is_the_plan_s_word() -> None:
    assert guess("1", "NA", null_values=("NA",)) == "bigint"
    assert guess("1", "NA", null_values=("-",)) == "text"
    assert guess("2013-02-03", " -999 ", null_values=("-999",)) == "date"
    assert guess("-999", null_values=("-999",)) == "text"


def test_a_format_of_one_s_own_is_the_only_date() -> None:
    assert guess("31/12/2013", date_format="%d/%m/%Y") == "date"
    assert guess("2013-02-03", date_format="%d/%m/%Y") == "timestamp without time zone"
    assert guess("20130203", date_format="%Y%m%d") == "date"
    assert guess("20130203", "7", date_format="%Y%m%d") == "bigint"


def test_names_and_order_are_the_source_s() -> None:
    columns = infer(Rows(batch_of({"SaleID": ["1"], "Ship Mode": ["x"]})), FileOptions())
    assert [(column.name, column.kind) for column in columns] == [
        ("sale_id", Kind.INT8),
        ("ship_mode", Kind.TEXT),
    ]


@pytest.mark.parametrize(
    ("array", "type_"),
    [
        (pa.array([1], pa.int16()), "smallint"), (pa.array([1], pa.int64()), "bigint"), (pa.array(["1"]), "text"),
        (pa.array([1], pa.uint64()), "numeric"), (pa.array([0.5], pa.float32()), "real"), (pa.array([b""]), "bytea"),
        (pa.array([Decimal("1.50")], pa.decimal128(12, 2)), "numeric(12,2)"), (pa.array([True]), "boolean"),
        (pa.array([1000], pa.timestamp("ns")), "timestamp without time zone"), (pa.array([[1]]), "text"),
        (pa.array([1001], pa.timestamp("ns")), "text"), (pa.array([1], pa.timestamp("us", "UTC")),
        "timestamp with time zone"), (pa.array([date(2013, 2, 3)]), "date"), (pa.nulls(1), "text"),
        (pa.array(["a"]).dictionary_encode(), "text"), (pa.array(["1"], pa.large_string()), "text"),
    ],
)  # fmt: skip
def test_arrow_types_stand_for_themselves(array: pa.Array, type_: str) -> None:
    columns = infer(Rows(batch_of({"other": pa.array([1], pa.int32()), "c": array})), FileOptions())
    assert columns[1].type == type_


def test_a_type_holds_without_values() -> None:
    def batch(array: pa.Array) -> Batch:
        return batch_of({"other": pa.array([1], pa.int32()), "c": array})

    for type_, expected in (
        (pa.int16(), "smallint"),
        (pa.decimal128(12, 2), "numeric(12,2)"),
        (pa.date32(), "date"),
    ):
        assert infer(Rows(batch(pa.nulls(1, type_))), FileOptions())[1].type == expected
    values = [batch(pa.nulls(1, pa.int16())), batch(pa.array([0.5]))]
    assert infer(Rows(*values), FileOptions())[1].type == "double precision"


def test_batches_of_several_types() -> None:
    batches = [batch_of({"c": pa.array([1], type_)}) for type_ in (pa.int8(), pa.int64(), pa.int32())]
    assert infer(Rows(*batches), FileOptions())[0].type == "bigint"
    mixed = [*batches, batch_of({"c": pa.array([0.5])})]
    assert infer(Rows(*mixed), FileOptions())[0].type == "text"


ODD = st.sampled_from(
    ["", " ", "NA", "null", "0", "-0", "007", "+1", "1e5", "1.", ".5", "nan", "inf", "-inf", "true", "F", "1" * 19,
     "1" * 38, "0." + "1" * 37, "2013-02-03", "2013-02-30", "2013-02-03 04:05", "2013-02-03T04:05:06Z", "infinity",
     "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", " 12 ", "1e-400", "9223372036854775807", "9223372036854775808", "٣"]
)  # fmt: skip
CELLS = st.one_of(
    st.lists(st.none() | st.integers(-(2**70), 2**70).map(str) | ODD),
    st.lists(st.integers(-999, 999).map(str) | st.decimals(-999, 999, places=2).map(str)),
    st.lists(st.floats().map(repr) | st.none()),
    st.lists(st.dates().map(str) | st.datetimes().map(str)),
    st.lists(ODD),
    st.lists(st.text("0123456789.-+eE ", max_size=24)),
    st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=5)),
)


@given(CELLS)
def test_the_inferred_type_rejects_nothing_and_keeps_every_value(texts: list[str | None]) -> None:
    batches = [batch_of({"c": texts[:2]}), batch_of({"c": texts[2:]})]
    (column,) = infer(Rows(*batches), FileOptions())
    try:
        results = [Cleaner([(column, "c")], FileOptions()).clean(batch) for batch in batches]
    except NeedsServer:
        results = [Cleaner([(column, "c")], FileOptions(), as_text=["c"]).clean(batch) for batch in batches]
    assert [reject for result in results for reject in result.rejects] == []
    values = [value for result in results for value in result.rows.column(0).to_pylist()]
    assert len(values) == len(texts)
    for text, value in zip(texts, values, strict=True):
        assert _same(text, value)


def _same(text: str | None, value: Any) -> bool:
    if value is None:
        return text is None or text.strip().lower() in {"", "na", "null"}
    assert text is not None
    match value:
        case bool():
            return text.strip().lower() == str(value).lower()
        case int() | Decimal():
            return Decimal(text) == value
        case float():
            return Decimal(repr(value)) == Decimal(text) or (math.isnan(value) and "nan" in text.lower())
        case datetime():
            return datetime.fromisoformat(text.strip()) == value
        case date():
            return date.fromisoformat(text.strip()) == value
        case bytes():
            return text.replace("-", "") == value.hex()
        case _:
            return text in (value, value.strip()) or text.strip() == value
