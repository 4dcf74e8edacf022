"""Rejected rows can be shown, corrected and replayed, and the ledger records copies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.databases import Query
from tests.integration.copying.conftest import CopyText

from penstock.cli.main import main
from penstock.model.errors import NothingDone, PenstockError, UsageError
from penstock.model.outcome import NothingLoaded
from penstock.routes.quarantine import export, replay


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main(arguments) == 0
    return capsys.readouterr().out


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(output(capsys, *arguments, "--json"))


def test_replay_after_the_table_was_changed(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, name varchar(3))")
    first = copy_text('id,name\n1,abc\n2,abcd\n3,"ab\ncd"\nx,abc\n')
    assert first.rejected == 3
    query("ALTER TABLE t ALTER name TYPE varchar(5)")
    second = replay("warehouse", first.id[:8])
    assert (second.read, second.inserted, second.rejected) == (3, 2, 1)
    assert query("SELECT id, name FROM t ORDER BY id") == [(1, "abc"), (2, "abcd"), (3, "ab\ncd")]
    assert query("SELECT line, raw FROM penstock_ledger.rejects WHERE replayed_by IS NULL") == [(6, "x,abc")]
    with pytest.raises(NothingDone, match="no open rejects"):
        replay("warehouse", first.id)


@pytest.mark.parametrize("mode", ["replace", "merge", "interval"])
def test_replay_takes_nothing_out(copy_text: CopyText, query: Query, mode: str) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, day date, name varchar(1))")
    options = {"mode": mode}
    if mode == "interval":
        options |= {"interval_column": "day", "interval_start": "2013-02-01", "interval_end": "2013-02-02"}
    first = copy_text("id,day,name\n1,2013-02-01,a\n2,2013-02-01,bb\n", **options)
    query("ALTER TABLE t ALTER name TYPE text")
    assert replay("warehouse", first.id).inserted == 1
    assert query("SELECT id FROM t ORDER BY id") == [(1,), (2,)]


def test_replay_of_several_files_keeps_their_names_and_lines(tmp_path: Path, query: Query) -> None:
    import penstock

    query("CREATE TABLE t (id int)")
    (tmp_path / "a.csv").write_text("id\n1\nx\n\n2\ny\n")
    (tmp_path / "b.csv").write_text("id\nz\n")
    first = penstock.copy(str(tmp_path / "*.csv"), "warehouse:t")
    with pytest.raises(NothingLoaded) as second:
        replay("warehouse", first.id)
    places = [("a.csv", 3, "x"), ("a.csv", 6, "y"), ("b.csv", 2, "z")]
    rows = query(
        "SELECT file, line, raw FROM penstock_ledger.rejects WHERE replayed_by IS NULL ORDER BY file, line"
    )
    assert [(Path(file).name, line, raw) for file, line, raw in rows] == places
    assert second.value.result.rejected == 3


@pytest.mark.parametrize(
    ("name", "text", "corrected"),
    [
        ("in.tsv", "id\tname\n1\ta\nx\tb\n", "2\tb"),
        ("in.jsonl", '{"id": 1, "name": "a"}\n{"id": "x", "name": "b"}\n', '{"id": 2, "name": "b"}'),
    ],
)
def test_mend_and_replay(
    copy_text: CopyText, query: Query, tmp_path: Path, name: str, text: str, corrected: str
) -> None:
    query("CREATE TABLE t (id int, name text)")
    first = copy_text(text, name=name)
    file = tmp_path / f"corrected{Path(name).suffix}"
    assert export("warehouse", first.id, file) == 1
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(UsageError, match="holds 0 rows, but 1 are in quarantine"):
        replay("warehouse", first.id, corrected=file)
    file.write_text("\n".join([*lines[:-1], corrected]) + "\n")
    assert replay("warehouse", first.id, corrected=file).inserted == 1
    assert query("SELECT id FROM t ORDER BY id") == [(1,), (2,)]


def test_bytes_that_are_no_text_are_kept_and_replayed(tmp_path: Path, query: Query) -> None:
    import penstock

    query("CREATE TABLE t (name text)")
    (tmp_path / "in.csv").write_bytes(b"name\nfine\ncaf\xe9\n")
    first = penstock.copy(str(tmp_path / "in.csv"), "warehouse:t", encoding="utf-8")
    assert query("SELECT raw, reason FROM penstock_ledger.rejects") == [("caf\\xe9", "bad_encoding")]
    with pytest.raises(NothingLoaded) as second:
        replay("warehouse", first.id)
    assert second.value.result.rejects == {"bad_encoding": 1}
    assert query("SELECT name FROM t") == [("fine",)]


def test_the_commands(
    copy_text: CopyText, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no copies into warehouse yet" in output(capsys, "ledger", "list")
    assert "no rows in quarantine" in output(capsys, "rejects", "list")
    query("CREATE TABLE t (id int)")
    result = copy_text("id\n1\nx\n")
    short = result.id[:12]

    (entry,) = as_json(capsys, "ledger", "list")
    assert {name: entry[name] for name in ("id", "read", "loaded", "rejected")} == {
        "id": result.id,
        "read": 2,
        "loaded": 1,
        "rejected": 1,
    }
    assert as_json(capsys, "ledger", "show", short)["rejects"] == {"bad_type": 1}
    assert short in output(capsys, "ledger", "list")
    assert "warehouse:t" in output(capsys, "ledger", "show", short)

    (summary,) = as_json(capsys, "rejects", "list")
    assert (summary["reason"], summary["rows"], summary["open"]) == ("bad_type", 1, 1)
    assert "bad_type" in output(capsys, "rejects", "list")
    shown = output(capsys, "rejects", "show", short)
    assert "in.csv:3: bad_type id: invalid integer 'x'" in shown
    assert "\n    x\n" in shown
    assert as_json(capsys, "rejects", "show", short, "--reason", "check") == []

    corrected = tmp_path / "corrected.csv"
    assert "1 row in" in output(capsys, "rejects", "export", short, str(corrected))
    assert corrected.read_text() == "id\nx\n"
    corrected.write_text("id\n2\n")
    assert as_json(capsys, "rejects", "replay", short, "--from", str(corrected))["inserted"] == 1
    assert "(1 replayed)" in output(capsys, "rejects", "list")


def test_an_id_that_is_none(query: Query, copy_text: CopyText) -> None:
    query("CREATE TABLE t (id int)")
    copy_text("id\n1\n")
    with pytest.raises(UsageError, match="no copy 'zzz'"):
        replay("warehouse", "zzz")


def test_each_file_is_replayed_under_its_own_header(tmp_path: Path, query: Query) -> None:
    import penstock

    query("CREATE TABLE t (id int, first text, last text)")
    (tmp_path / "a.csv").write_text("id,first,last\n1,Ann,Lee\nx,Bob,Ray\n")
    (tmp_path / "b.csv").write_text('last,id,first\nKay,y,"Cy, jr"\n')
    first = penstock.copy(str(tmp_path / "*.csv"), "warehouse:t")
    exported = tmp_path / "rejects.txt"
    assert export("warehouse", first.id, exported) == 2
    assert exported.read_text() == 'id,first,last\nx,Bob,Ray\ny,"Cy, jr",Kay\n'
    with pytest.raises(NothingLoaded) as second:
        replay("warehouse", first.id)
    query("ALTER TABLE t ALTER id TYPE text")
    assert replay("warehouse", second.value.result.id).inserted == 2
    assert query("SELECT * FROM t ORDER BY id") == [
        ("1", "Ann", "Lee"), ("x", "Bob", "Ray"), ("y", "Cy, jr", "Kay"),
    ]  # fmt: skip


def test_a_replay_of_some_files_keeps_the_order_of_the_others(tmp_path: Path, query: Query) -> None:
    import penstock

    query("CREATE TABLE t (id int CHECK (id < 10), a text, b text)")
    (tmp_path / "1.csv").write_text("b,a,id\nB,A,11\nB,A,x\n")
    (tmp_path / "0.csv").write_text("id,a,b\n1,A,B\n")
    first = penstock.copy(str(tmp_path / "*.csv"), "warehouse:t")
    with pytest.raises(NothingLoaded) as second:
        replay("warehouse", first.id)
    query("ALTER TABLE t DROP CONSTRAINT t_id_check")
    third = replay("warehouse", second.value.result.id)
    assert (third.inserted, third.rejected) == (1, 1)
    query("ALTER TABLE t ALTER id TYPE text")
    replay("warehouse", third.id)
    assert query("SELECT DISTINCT a, b FROM t") == [("A", "B")]


def test_bytes_of_parquet_are_replayed_as_they_were(tmp_path: Path, query: Query) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    import penstock

    raw = [b"\x00\xff", b"abc", rb"\x41", b"", None]
    table = pa.table(
        {"id": ["1", "x", "y", "z", "w"], "raw": raw, "text": [b"a", b"b", rb"\x63", b"d", b"\xff"]}
    )
    pq.write_table(table, tmp_path / "in.parquet")
    query("CREATE TABLE t (id int, raw bytea, text text)")
    first = penstock.copy(str(tmp_path / "in.parquet"), "warehouse:t")
    assert (first.loaded, first.rejected) == (1, 4)
    query("ALTER TABLE t ALTER id TYPE text")
    assert replay("warehouse", first.id).rejects == {"bad_encoding": 1}
    assert query("SELECT * FROM t ORDER BY id") == [
        ("1", b"\x00\xff", "a"), ("x", b"abc", "b"), ("y", rb"\x41", r"\x63"), ("z", b"", "d"),
    ]  # fmt: skip


def test_text_that_looks_like_an_escaped_byte_stays(tmp_path: Path, query: Query) -> None:
    import penstock

    query("CREATE TABLE t (name text)")
    (tmp_path / "in.csv").write_bytes(b"name\nfine\n\\x41 caf\xe9\n")
    first = penstock.copy(str(tmp_path / "in.csv"), "warehouse:t", encoding="utf-8")
    exported = tmp_path / "rejects.csv"
    export("warehouse", first.id, exported)
    assert exported.read_bytes() == b"name\n\\x41 caf\xe9\n"
    exported.write_bytes(exported.read_bytes().replace(b"\xe9", "é".encode()))
    assert replay("warehouse", first.id, corrected=exported).inserted == 1
    assert query("SELECT name FROM t ORDER BY 1") == [("\\x41 café",), ("fine",)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("jsonb_set(plan, '{target}', '\"source:public.items\"')", "but its target is in another database"),
        ("'{}'", "holds no valid plan"),
        ("'[1]'", "holds no valid plan"),
        ("jsonb_set(plan, '{file}', '7')", "holds no valid plan"),
        ("jsonb_set(plan, '{mode}', '\"x\"')", "holds no valid plan"),
    ],
)
def test_a_ledger_that_was_tampered_with(
    copy_text: CopyText, query: Query, monkeypatch: pytest.MonkeyPatch, change: str, words: str
) -> None:
    query("CREATE TABLE t (id int)")
    result = copy_text("id\nx\n", max_rejects="100%")
    monkeypatch.setenv("PENSTOCK_CONN_SOURCE", "postgres://a@127.0.0.1:1/b")
    query(f"UPDATE penstock_ledger.copies SET plan = {change}")
    with pytest.raises(PenstockError, match=words):
        replay("warehouse", result.id)
