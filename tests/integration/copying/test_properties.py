"""Any table comes back as it went in, and any mix of rows is accounted for."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.databases import Query
from tests.integration.copying.conftest import CopyText

SETTINGS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

# Everything a text may hold in Postgres and in a UTF-8 file.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)

# Any table may look like a file of another dialect; what is tested here is what becomes of its values.
CSV: dict[str, Any] = {"delimiter": ",", "quote": '"', "header": "yes", "encoding": "utf-8"}


@dataclass(frozen=True)
class Type:
    """A column type: its values, and how a file writes one."""

    sql: str
    values: st.SearchStrategy[Any]
    write: Callable[[Any], str] = str


def decimals(digits: int, places: int) -> st.SearchStrategy[Decimal]:
    limit = 10**digits - 1
    wide = Context(prec=digits + 1)  # the usual one rounds to 28 digits
    return st.integers(-limit, limit).map(lambda n: wide.scaleb(Decimal(n), -places))


MOMENTS = st.datetimes()
TYPES = [
    Type("smallint", st.integers(-(2**15), 2**15 - 1)),
    Type("integer", st.integers(-(2**31), 2**31 - 1)),
    Type("bigint", st.integers(-(2**63), 2**63 - 1)),
    Type("boolean", st.booleans()),
    Type("double precision", st.floats(allow_nan=False), repr),
    Type("real", st.floats(width=32, allow_nan=False), repr),
    Type("numeric(12,2)", decimals(12, 2), lambda value: f"{value:f}"),
    Type("numeric(38,20)", decimals(38, 20), lambda value: f"{value:f}"),
    Type("numeric", decimals(60, 25), lambda value: f"{value:f}"),
    Type("text", TEXT),
    Type("varchar(20)", TEXT),
    Type("date", st.dates(), date.isoformat),
    Type("timestamp", MOMENTS, datetime.isoformat),
    Type("timestamptz", MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC)), datetime.isoformat),
    Type("uuid", st.uuids(), UUID.__str__),
    Type("bytea", st.binary(max_size=20), lambda value: "\\x" + value.hex()),
    Type("integer[]", st.lists(st.integers(0, 9)), lambda value: "{" + ",".join(map(str, value)) + "}"),
]


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Type], list[list[Any]]]:
    types = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=6))
    row = st.tuples(*(st.none() | kind.values for kind in types)).map(list)
    return types, draw(st.lists(row, max_size=12))


def written(types: list[Type], rows: list[list[Any]]) -> str:
    """The table as CSV in which an unquoted empty field is null and every text is quoted."""

    def field(kind: Type, value: Any) -> str:
        return "" if value is None else '"' + kind.write(value).replace('"', '""') + '"'

    lines = [",".join(field(*pair) for pair in zip(types, row, strict=True)) for row in rows]
    return "\n".join([",".join(f"c{n}" for n in range(len(types))), *lines]) + "\n"


@SETTINGS
@given(tables())
def test_a_table_comes_back_as_it_went_in(
    copy_text: CopyText, query: Query, table: tuple[list[Type], list[list[Any]]]
) -> None:
    types, rows = table
    query("DROP TABLE IF EXISTS t")
    columns = ", ".join(f"c{n} {kind.sql}" for n, kind in enumerate(types))
    query(f"CREATE TABLE t (n int GENERATED ALWAYS AS IDENTITY, {columns})")
    result = copy_text(written(types, rows), **CSV)
    # A real's own text names it among reals only.
    names = ", ".join(f"c{n}::float8" if kind.sql == "real" else f"c{n}" for n, kind in enumerate(types))
    assert [list(row) for row in query(f"SELECT {names} FROM t ORDER BY n")] == rows
    assert (result.read, result.loaded) == (len(rows), len(rows))


@SETTINGS
@given(tables())
def test_a_table_that_did_not_exist_rejects_nothing(
    copy_text: CopyText, query: Query, table: tuple[list[Type], list[list[Any]]]
) -> None:
    types, rows = table
    query("DROP TABLE IF EXISTS t")
    result = copy_text(written(types, rows), **CSV)
    assert (result.read, result.loaded) == (len(rows), len(rows))
    assert query("SELECT count(*) FROM t") == [(len(rows),)]


DIRT = st.sampled_from(["x", "", "999999999999", "1.5", "-3", "1", "2", "3", "4"])
LINES = st.lists(st.tuples(DIRT, st.sampled_from(["a", "b", "toolong", ""])).map(",".join), max_size=30)


RAGGED = st.lists(st.sampled_from(["1", "1,a,b"]), max_size=2)
NEWEST = "run = (SELECT max(run) FROM penstock_ledger.copies)"


@pytest.mark.parametrize("mode", ["append", "replace", "merge"])
@SETTINGS
@given(lines=LINES, ragged=RAGGED, unclosed=st.booleans(), held=st.sets(st.integers(0, 3)))
def test_every_row_is_accounted_for(
    copy_text: CopyText,
    query: Query,
    mode: str,
    lines: list[str],
    ragged: list[str],
    unclosed: bool,
    held: set[int],
) -> None:
    query("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY CHECK (id < 4), name varchar(3))")
    for key in held:
        query("INSERT INTO t VALUES (%s, 'a')", key)
    bad = ragged + ['"1,a'] * unclosed
    result = copy_text(
        "\n".join(["id,name", *lines, *bad]) + "\n", mode=mode, again=True, max_rejects="100%", **CSV
    )
    assert result.read == len(lines) + len(bad)
    assert result.read == result.loaded + result.duplicates + result.rejected
    kept = query(f"SELECT count(*), count(raw) FROM penstock_ledger.rejects WHERE {NEWEST}")
    assert kept == [(result.rejected, result.rejected)]
    expected = {int(line.split(",")[0]) for line in lines if good(line)}
    there = {row[0] for row in query("SELECT id FROM t")}
    assert there == (expected if mode == "replace" else expected | held)


def good(line: str) -> bool:
    """Whether a line is a row that the table takes."""
    ((number, name),) = csv.reader(io.StringIO(line))
    return number.lstrip("-").isdigit() and int(number) < 4 and len(name) <= 3
