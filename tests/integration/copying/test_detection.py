"""A file is read right without options: the table holds what the file means, and the account says how it was read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.databases import Query
from tests.integration.copying.conftest import CopyText

import penstock
from penstock.cli.main import main
from penstock.model.errors import PenstockError, UsageError
from penstock.model.outcome import NothingLoaded
from penstock.routes.quarantine import export, replay


@pytest.mark.parametrize(
    ("content", "found", "columns", "rows"),
    [
        (b"id;price\n1;1,5\n2;2,5\n", {"delimiter": ";"}, ["id", "price"], [("1", "1,5"), ("2", "2,5")]),
        (b"id\tname\n1\ta,b\n2\tc\n", {"delimiter": "\t"}, ["id", "name"], [("1", "a,b"), ("2", "c")]),
        (b"id|name\n1|a\n2|b\n", {"delimiter": "|"}, ["id", "name"], [("1", "a"), ("2", "b")]),
        (b"id^name\n1^a\n2^b\n", {"delimiter": "^"}, ["id", "name"], [("1", "a"), ("2", "b")]),
        (b"id\x01name\n1\x01a\n", {"delimiter": "\x01"}, ["id", "name"], [("1", "a")]),
        (b'id, name\n1, "a, b"\n2, c\n', {"delimiter": ", "}, ["id", "name"], [("1", "a, b"), ("2", "c")]),
        (b"id,name\n1,'a,b'\n2,'c'\n3,'d'\n", {"quote": "'"}, ["id", "name"], [("1", "a,b"), ("2", "c"), ("3", "d")]),
        (b"1,Ann\n2,Bob\n", {"header": "no"}, ["column_1", "column_2"], [("1", "Ann"), ("2", "Bob")]),
        ("id,name\n1,Zoë\n".encode("cp1252"), {"encoding": "cp1252"}, ["id", "name"], [("1", "Zoë")]),
        ("id,name\n1,Zoë\n".encode("utf-16"), {"encoding": "utf-16"}, ["id", "name"], [("1", "Zoë")]),
        (b"Sales\n\nid,name\n1,Ann\n", {"skip_rows": 2}, ["id", "name"], [("1", "Ann")]),
        (
            b"#,name,Name,=====\n1,a,b,c\n",
            {"renamed": {"column_1": "#", "Name_2": "Name", "column_4": "====="}},
            ["column_1", "name", "name_2", "column_4"],
            [("1", "a", "b", "c")],
        ),
    ],
)  # fmt: skip
def test_what_is_detected(
    tmp_path: Path, query: Query, content: bytes, found: dict[str, Any], columns: list[str], rows: list[Any]
) -> None:
    (tmp_path / "in.csv").write_bytes(content)
    result = penstock.copy(str(tmp_path / "in.csv"), "warehouse:t")
    assert dict(result.detected) == found
    names = query(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 't' ORDER BY ordinal_position"
    )
    assert [name for (name,) in names] == columns
    texts = ", ".join(f"{name}::text" for name in columns)
    assert query(f"SELECT {texts} FROM t ORDER BY 1") == rows
    again = penstock.copy(str(tmp_path / "in.csv"), "warehouse:t")
    assert again.already
    assert dict(again.detected) == found


def test_an_option_wins_and_is_the_same_copy(copy_text: CopyText, query: Query) -> None:
    first = copy_text("id;name\n1;a\n")
    assert copy_text("id;name\n1;a\n", delimiter=";").already
    assert first.detected == {"delimiter": ";"}
    assert copy_text("id;name\n1;a\n", "warehouse:u", delimiter=",").loaded == 1
    assert query("SELECT id_name FROM u") == [("1;a",)]


def test_the_account_prints_what_was_detected(
    tmp_path: Path, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.csv").write_bytes("1;Zoë\n2;Ann\n".encode("cp1252"))
    assert main(("copy", str(tmp_path / "in.csv"), "warehouse:t")) == 0
    out = capsys.readouterr().out
    assert "read with delimiter ';', encoding cp1252, without a header" in out


def test_names_that_are_equal_in_what_postgres_keeps_of_them(copy_text: CopyText, query: Query) -> None:
    long = "a" * 70
    result = copy_text(f"{long}x,{long}y\n1,2\n")
    assert result.loaded == 1
    assert query(f"SELECT {'a' * 63}, {'a' * 61}_2 FROM t") == [(1, 2)]


def test_two_columns_of_one_name_in_a_table_that_exists(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (sale_id int, b int)")
    with pytest.raises(PenstockError, match="two columns of one name"):
        copy_text("SaleID,b,sale_id\n1,2,3\n")


def test_a_name_without_letters_in_a_table_that_has_it(copy_text: CopyText, query: Query) -> None:
    query('CREATE TABLE t ("#" int, b int)')
    assert copy_text("#,b\n1,2\n").loaded == 1


def test_numbers_that_name_columns_of_the_table(copy_text: CopyText, query: Query) -> None:
    query('CREATE TABLE t ("1" int, "2" int)')
    assert copy_text("1,2\n3,4\n5,6\n").loaded == 2


def test_a_file_without_a_header_goes_on_in_the_table_made_from_one(
    copy_text: CopyText, query: Query
) -> None:
    copy_text("1,Ann\n2,Bob\n")
    assert copy_text("3,Eve\n4,Kim\n").loaded == 2
    assert query("SELECT column_2 FROM t ORDER BY column_1") == [("Ann",), ("Bob",), ("Eve",), ("Kim",)]


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("in.csv", b"id;name\n1;a\nx;b\n", {}),
        ("in.csv", "id;näme\n1;a\nx;ü\n".encode("cp1252"), {}),
        ("in.csv", "id,name\n1,a\nx,ü\n".encode("utf-16"), {}),
        ("in.csv", b"id,name\n1,'a,b'\nx,'c'\n3,'d'\n", {}),
        ("in.csv", b"Sales\n\nid,name\n1,a\nx,b\n", {}),
        ("in.csv", b"id\tname\n1\ta\nx\tb\n", {"delimiter": "\\t"}),
        ("in.TSV", b"id\tname\n1\ta\nx\tb\n", {}),
        ("in.tab", b"id\tname\n1\ta\nx\tb\n", {}),
        ("in.tsv.csv", b"id,name\n1,a\nx,b\n", {}),
    ],
)
def test_rejects_are_read_as_the_copy_read_them(
    tmp_path: Path, query: Query, name: str, content: bytes, options: dict[str, Any]
) -> None:
    (tmp_path / name).write_bytes(content)
    query("CREATE TABLE t (id int, name text)")
    if "ä".encode("cp1252") in content:
        query('ALTER TABLE t RENAME name TO "näme"')
    first = penstock.copy(str(tmp_path / name), "warehouse:t", **options)
    assert first.rejects == {"bad_type": 1}
    query("ALTER TABLE t ALTER id TYPE text")
    path = tmp_path / "rejects.csv"
    assert export("warehouse", first.id, path) == 1
    assert replay("warehouse", first.id, corrected=path).loaded == 1
    values = query("SELECT * FROM t WHERE id = 'x'")
    assert values[0][1] in ("b", "ü", "c")


def test_every_row_rejected_is_an_error(copy_text: CopyText) -> None:
    with pytest.raises(NothingLoaded):
        copy_text("price\n1,5\n2,5\n")


@pytest.mark.parametrize("encoding", ["utf-16", "idna", "punycode", "undefined"])
def test_an_encoding_that_does_not_fit(copy_text: CopyText, encoding: str) -> None:
    with pytest.raises(PenstockError) as caught:
        copy_text("id,name\n1,Ann\n", encoding=encoding)
    assert caught.value.hint


def test_files_that_are_written_differently(tmp_path: Path, query: Query) -> None:
    (tmp_path / "a.csv").write_text("id,name\n1,a\n")
    (tmp_path / "b.csv").write_text("id;name\n1;a\n")
    with pytest.raises(PenstockError, match="written differently"):
        penstock.copy(str(tmp_path / "*.csv"), "warehouse:t")


def test_comments_and_footers_are_counted_and_not_loaded(copy_text: CopyText, query: Query) -> None:
    text = "# by hand\nid,name,n\n1,Ann,2\n# moved\n2,Bob,3\nTotal,,5\n"
    result = copy_text(text, comment="#", footer=1)
    assert (result.read, result.loaded, result.rejected, result.filtered) == (2, 2, 0, 3)
    assert query("SELECT id, name, n FROM t ORDER BY id") == [(1, "Ann", 2), (2, "Bob", 3)]
    assert copy_text(text, comment="#", footer=1).already
    assert not copy_text(text, "warehouse:u", comment="#", footer=0).already


def test_a_footer_is_rejected_unless_it_is_said_to_be_a_row(copy_text: CopyText, query: Query) -> None:
    text = "id,name,n\n1,Ann,2\n2,Bob,3\nTotal,,5\n"
    found = copy_text(text)
    assert (found.read, found.loaded, dict(found.rejects)) == (3, 2, {"malformed": 1})
    assert query("SELECT sum(id) FROM t") == [(3,)]
    query("ALTER TABLE t ALTER id TYPE text")
    said = copy_text(text, footer=0, mode="replace")
    assert not said.already
    assert (said.loaded, said.rejected) == (3, 0)
    assert replay("warehouse", found.id).loaded == 1


def test_short_rows_are_loaded_with_null(copy_text: CopyText, query: Query) -> None:
    text = "id,name,n\n1,Ann,2\n2\n3,Bob\nx,c\n"
    query("CREATE TABLE t (id int, name text, n int)")
    result = copy_text(text, short_rows="null", null_values=["-"])
    assert (result.loaded, dict(result.rejects)) == (3, {"bad_type": 1})
    assert query("SELECT * FROM t ORDER BY id") == [(1, "Ann", 2), (2, None, None), (3, "Bob", None)]
    query("ALTER TABLE t ALTER id TYPE text")
    assert replay("warehouse", result.id).loaded == 1
    rejected = copy_text(text, "warehouse:u", short_rows="reject")
    assert dict(rejected.rejects) == {"malformed": 3}
    with pytest.raises(UsageError, match="invalid short rows 'x'"):
        copy_text(text, short_rows="x")


def test_joined_files_keep_their_types(copy_text: CopyText, query: Query, tmp_path: Path) -> None:
    result = copy_text("id,name,Name\n1,a,b\nid,name,Name\n2,c,d\n")
    assert (result.loaded, dict(result.rejects)) == (2, {"malformed": 1})
    assert query("SELECT sum(id) FROM t") == [(3,)]
    with pytest.raises(NothingLoaded):
        replay("warehouse", result.id)


NUMBERS = "id;price;big;day;at\n1;1.234,56;1.000;31.12.2013;1.2.2013 10:00\n2;,5;12;1/2/2013;2013-02-01\n"


def test_decimal_commas_and_dates_in_order(copy_text: CopyText, query: Query) -> None:
    result = copy_text(NUMBERS, decimal_comma=True, date_order="dmy")
    assert (result.loaded, result.rejected) == (2, 0)
    assert query("SELECT id, price::text, big, day::text, at::text FROM t ORDER BY id") == [
        (1, "1234.56", 1000, "2013-12-31", "2013-02-01 10:00:00"),
        (2, "0.50", 12, "2013-02-01", "2013-02-01 00:00:00"),
    ]
    plain = copy_text(NUMBERS, "warehouse:u")
    assert plain.loaded == 2
    assert query("SELECT price || day FROM u WHERE id = 1") == [("1.234,5631.12.2013",)]


def test_numbers_and_dates_of_another_notation_are_rejected(copy_text: CopyText, query: Query) -> None:
    query("CREATE DOMAIN amount AS numeric(8,2)")
    query("CREATE TABLE t (id int, price amount, n double precision, day date, note text)")
    text = (
        "id;price;n;day;note\n1;1,50;0,25;12/31/2013;1,5\n2;1.50;;;\n3;1,5;1.5;;\n4;1,255;;;\n5;;;31/12/2013;\n"
        "6;-999,9;;;\n7;0.123;;;\n8; 2,5 ;1e5;2013-1-5;31/12/2013\n"
    )
    result = copy_text(text, decimal_comma=True, date_order="mdy", null_values=["-999,9", "", "1.5"])
    assert query("SELECT id, price::text, n, day::text, note FROM t ORDER BY id") == [
        (1, "1.50", 0.25, "2013-12-31", "1,5"),
        (3, "1.50", None, None, None),
        (6, None, None, None, None),
    ]
    assert dict(result.rejects) == {"bad_type": 4, "out_of_range": 1}


def test_one_number_with_a_point_makes_a_new_column_text(copy_text: CopyText, query: Query) -> None:
    copy_text("id;price\n1;1,5\n2;2.50\n", decimal_comma=True, delimiter=";")
    assert query("SELECT price FROM t ORDER BY id") == [("1,5",), ("2.50",)]


def test_notations_are_of_csv_files_and_known(copy_text: CopyText) -> None:
    with pytest.raises(UsageError, match="is not a CSV file"):
        copy_text('{"id": 1.5}\n', decimal_comma=True)
    with pytest.raises(UsageError, match="invalid date order 'dym'"):
        copy_text("id\n1\n", date_order="dym")
    with pytest.raises(UsageError, match="a format and an order"):
        copy_text("id\n1\n", date_order="dmy", date_format="%d")
