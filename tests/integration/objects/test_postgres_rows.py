"""What Postgres holds, as Arrow, value for value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest

from penstock.model.connection import Connection
from penstock.model.errors import SourceError
from penstock.model.options import make_plan
from penstock.ports import Unrepresentable
from penstock.postgres.arrow_reader import PostgresRows
from penstock.postgres.connect import connect
from penstock.postgres.csv_to_arrow import TYPE_KEY
from penstock.postgres.select import query_relation

Read = Callable[..., pa.Table]


def rows_of(source: Connection, query: str) -> PostgresRows:
    return PostgresRows(source, make_plan("source:t", "out/"), query_relation(query))


@pytest.fixture
def read(source: Connection) -> Read:
    """Runs some SQL, then reads a query."""

    def run(query: str, before: str = "", as_text: frozenset[str] = frozenset()) -> pa.Table:
        if before:
            with connect(source) as session:
                session.execute(before)
        with rows_of(source, query).open(as_text) as reading:
            table = pa.Table.from_batches(reading.batches(), reading.schema)
            assert reading.count == table.num_rows
            return table

    return run


@pytest.mark.parametrize(
    ("sql_type", "arrow", "values"),
    [
        ("boolean", pa.bool_(), [True, False, None]),
        ("smallint", pa.int16(), [-32768, 32767, None]),
        ("integer", pa.int32(), [-2147483648, 2147483647, None]),
        ("bigint", pa.int64(), [-(2**63), 2**63 - 1, None]),
        ("real", pa.float32(), [0.5, float("inf"), None]),
        ("double precision", pa.float64(), [0.1, 5e-324, 1.7976931348623157e308, float("-inf"), None]),
        ("numeric(12,2)", pa.decimal128(12, 2), [Decimal("-9999999999.99"), Decimal("0.10"), None]),
        ("numeric(38,0)", pa.decimal128(38, 0), [Decimal("9" * 38), None]),
        ("numeric(60,10)", pa.decimal256(60, 10), [Decimal("1" * 50 + "." + "2" * 10), None]),
        ("numeric(3,-2)", pa.decimal128(5, 0), [Decimal(99900), None]),
        ("numeric(2,4)", pa.decimal128(4, 4), [Decimal("0.0099"), None]),
        ("numeric", pa.decimal128(7, 3), [Decimal("1234.5"), Decimal("0.001"), None]),
        ("text", pa.string(), ["", "NULL", 'a "quoted"\r\nline, and', "\\.", "é🙂", None]),
        ("varchar(5)", pa.string(), ["abc", None]),
        ("char(5)", pa.string(), ["abc  ", None]),
        ("bytea", pa.binary(), [b"", b"\x00\xff\\x", bytes(range(256)), None]),
        ("date", pa.date32(), [date(1, 1, 1), date(9999, 12, 31), None]),
        ("time", pa.time64("us"), [time(0), time(23, 59, 59, 999999), None]),
        (
            "timestamp",
            pa.timestamp("us"),
            [datetime(2013, 2, 1, 9, 30, 0, 1, UTC).replace(tzinfo=None), None],
        ),
        ("timestamptz", pa.timestamp("us", "UTC"), [datetime(1900, 2, 1, 9, 30, tzinfo=UTC), None]),
        ("jsonb", pa.json_(pa.string()), ['{"a": 1.10, "b": null}', "null", None]),
        ("json", pa.json_(pa.string()), ['{"a":   1}', None]),
        ("integer[]", pa.string(), ["{1,NULL,3}", "{}", None]),
        ("text[]", pa.string(), ['{"a,b",NULL,"NULL"}', None]),
        ("uuid", pa.string(), ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", None]),
        ("interval", pa.string(), ["1 mon 2 days 03:04:05.000006", None]),
        ("int4range", pa.string(), ["[1,5)", "empty", None]),
        ("inet", pa.string(), ["10.0.0.1/8", None]),
    ],
)
def test_every_type_is_exact(
    read: Read, source: Connection, sql_type: str, arrow: pa.DataType, values: list[object]
) -> None:
    with connect(source) as session:
        session.execute(f"CREATE TABLE t (at serial, v {sql_type})")
        for value in values:
            session.execute(f"INSERT INTO t (v) VALUES (%s::{sql_type})", [value])

    table = read("SELECT v FROM t ORDER BY at")

    assert table.schema.field("v").type == arrow
    assert table.schema.field("v").metadata == {TYPE_KEY: sql_type_name(sql_type)}
    assert table["v"].to_pylist() == values


def sql_type_name(sql_type: str) -> bytes:
    longer = {
        "varchar(5)": "character varying(5)",
        "char(5)": "character(5)",
        "time": "time without time zone",
        "timestamp": "timestamp without time zone",
        "timestamptz": "timestamp with time zone",
    }
    return longer.get(sql_type, sql_type).encode()


def test_an_enum_is_text_and_a_domain_is_what_it_stands_for(read: Read) -> None:
    table = read(
        "SELECT * FROM t",
        "CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE DOMAIN cents AS numeric(10,2) CHECK (value >= 0);"
        "CREATE TABLE t (m mood, c cents); INSERT INTO t VALUES ('glad', 1.5)",
    )

    assert table.schema.types == [pa.string(), pa.decimal128(10, 2)]
    assert table.schema.field("m").metadata == {TYPE_KEY: b"mood"}
    assert table.to_pylist() == [{"m": "glad", "c": Decimal("1.50")}]


@pytest.mark.parametrize(
    ("sql_type", "value"),
    [
        ("date", "infinity"),
        ("date", "0044-03-15 BC"),
        ("date", "10000-01-01"),
        ("time", "24:00:00"),
        ("timestamp", "-infinity"),
        ("timestamptz", "infinity"),
        ("numeric(5,2)", "NaN"),
        ("numeric(60,2)", "NaN"),
    ],
)
def test_what_arrow_cannot_hold_is_told_and_travels_as_text(read: Read, sql_type: str, value: str) -> None:
    query = f"SELECT 1 AS id, '{value}'::{sql_type} AS v"
    with pytest.raises(Unrepresentable) as output:
        read(query)

    assert output.value.column == "v"
    assert read(query, as_text=frozenset({"v"}))["v"].to_pylist() == [value]


def test_a_numeric_that_no_decimal_holds_is_text(read: Read) -> None:
    table = read("SELECT v::numeric AS v FROM (VALUES ('NaN'), ('1.50')) AS t(v)")

    assert table["v"].to_pylist() == ["NaN", "1.50"]
    assert read(f"SELECT {'9' * 80}::numeric AS v")["v"].to_pylist() == ["9" * 80]


def test_no_rows_and_one_column_of_nulls(read: Read) -> None:
    assert read("SELECT 1 AS a, now() AS b WHERE false").num_rows == 0
    assert read("SELECT NULL::text AS a FROM generate_series(1, 3)")["a"].to_pylist() == [None] * 3
    assert read("SELECT NULL::bytea AS a FROM generate_series(1, 3)")["a"].to_pylist() == [None] * 3


def test_many_blocks_are_one_snapshot(read: Read, source: Connection) -> None:
    with connect(source) as session:
        session.execute(
            "CREATE TABLE t AS SELECT i, repeat('x', 100) AS pad FROM generate_series(1, 200000) AS i"
        )
    rows = rows_of(source, "SELECT i, pad FROM t")

    with rows.open() as reading:
        blocks = reading.blocks()
        first = next(blocks)
        with connect(source) as other:
            other.execute("DELETE FROM t")
        rest = list(blocks)

    assert len(rest) > 3
    assert first.count + sum(block.count for block in rest) == reading.count == 200_000


@pytest.mark.parametrize(
    ("query", "words"), [("TABLE nowhere", "does not exist"), ("SELECT 1/0 AS a", "division by zero")]
)
def test_what_cannot_be_read(read: Read, query: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        read(query)
