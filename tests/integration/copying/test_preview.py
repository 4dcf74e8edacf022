"""`penstock preview`, `penstock copy --dry-run`, and copies as files: what is said is what a copy then does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.databases import Query

import penstock
from penstock.cli.main import main
from penstock.model.options import make_plan
from penstock.postgres.connect import PgConnection
from penstock.routes.preview import preview

SALES = """SaleID;Product;Quantity;Date;Price
1;Lamp;2;2013-02-01;1
2;Chair;;2013-02-02;2.5
3;Table;three;2013-02-02;4
4;Shelf;1;2013-02-30;5
5;"Sh
"""


@pytest.fixture(autouse=True)
def sales(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "sales.csv"
    path.write_text(SALES)
    return path


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    assert main([*words, "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_file_alone(capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, "preview", "sales.csv", "--rows", "2")
    assert (found["reading"]["delimiter"], found["detected"]) == (";", ["delimiter"])
    types = {one["name"]: (one["type"], one["decision"]) for one in found["columns"]}
    file = "sales.csv"
    assert types == {
        "sale_id": ("bigint", None),
        "product": ("text", None),
        "quantity": ("text", {"before": "bigint", "value": "three", "file": file, "line": 4}),
        "date": ("text", {"before": "date", "value": "2013-02-30", "file": file, "line": 5}),
        "price": ("numeric", {"before": "bigint", "value": "2.5", "file": file, "line": 3}),
    }
    assert found["sample"] == [
        ["1", "Lamp", "2", "2013-02-01", "1"],
        ["2", "Chair", None, "2013-02-02", "2.5"],
    ]
    assert (found["rows"], found["rejects"]) == (5, {"malformed": 1})
    assert found["ddl"].startswith('CREATE TABLE "sales" (\n    "sale_id" bigint,\n')


def test_the_deciding_value_may_be_in_any_batch(tmp_path: Path) -> None:
    lines = ["id,code", *(f"{n},{n}" for n in range(300_000)), "300000,x"]
    lines[123_457] = "123456,1.5"
    (tmp_path / "long.csv").write_text("\n".join(lines))
    found = preview(make_plan("long.csv", ""))
    decision = found.columns[1].decision
    assert decision is not None
    assert (decision.before, decision.value, decision.line) == ("numeric", "x", 300_002)
    assert found.columns[0].decision is None
    (tmp_path / "long.csv").write_text("\n".join(lines[:-1]))
    decision = preview(make_plan("long.csv", "")).columns[1].decision
    assert decision is not None
    assert (decision.before, decision.value, decision.line) == ("bigint", "1.5", 123_458)


def test_a_copy_into_a_new_table_leaves_nothing(query: Query, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, "copy", "sales.csv", "warehouse:fresh.sales", "--key", "sale_id", "--dry-run")
    assert 'CREATE TABLE "fresh"."sales" (' in found["ddl"]
    assert 'PRIMARY KEY ("sale_id")' in found["ddl"]
    assert query("SELECT to_regnamespace('fresh') AS it") == [(None,)]
    real = penstock.copy("sales.csv", "warehouse:fresh.sales", key="sale_id")
    account = found["account"]
    assert (account["id"], account["loaded"], account["rejects"]) == (
        real.id,
        real.loaded,
        dict(real.rejects),
    )


def test_a_copy_into_a_table_says_what_it_rejects(
    session: PgConnection, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = "sale_id int, product text, quantity int CHECK (quantity < 2), date date, price float"
    session.execute(f"CREATE TABLE t ({columns})")
    found = said(capsys, "preview", "sales.csv", "warehouse:t")
    assert found["rejects"] == {"bad_type": 2, "check": 1, "malformed": 1}
    assert found["account"]["loaded"] == 1
    assert found["examples"][1].startswith("sales.csv:4: bad_type: ")
    assert found["ddl"] is None
    assert query("SELECT count(*) FROM t") == [(0,)]
    assert dict(penstock.copy("sales.csv", "warehouse:t").rejects) == found["rejects"]
    again = said(capsys, "preview", "sales.csv", "warehouse:t")
    assert again["account"]["already"]


def test_its_exit_code_is_that_of_the_copy(session: PgConnection, capsys: pytest.CaptureFixture[str]) -> None:
    session.execute("CREATE TABLE t (sale_id int, product text, quantity int, date date, price float)")
    assert main(["copy", "sales.csv", "warehouse:t", "--max-rejects", "2", "--dry-run"]) == 3
    printed = capsys.readouterr()
    assert "a copy would have 2 loaded, 0 duplicates, 3 rejected" in printed.out
    assert "error: 3 of 5 rows rejected, 2 allowed" in printed.err
    session.execute("ALTER TABLE t DROP COLUMN product")
    found = said(capsys, "preview", "sales.csv", "warehouse:t", code=1)
    assert "Product" in found["error"]["message"]
    assert len(found["columns"]) == 5


def test_a_doubtful_header_is_shown_with_its_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "towns.csv").write_text("1,2,mean\n2,3,4\n3,4,5\n")
    found = said(capsys, "preview", "towns.csv", code=1)
    assert "--header yes" in found["error"]["hint"]
    assert len(found["columns"]) == 3


def test_a_saved_copy_is_the_same_copy(
    tmp_path: Path, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "preview",
        "sales.csv",
        "warehouse:t",
        "--key",
        "sale_id",
        "--null",
        "three",
        "--save",
        "sales.yaml",
    ]
    assert main(words) == 0
    assert "saved; run it: penstock copy sales.yaml" in capsys.readouterr().out
    assert (tmp_path / "sales.yaml").read_text() == (
        "# penstock copy sales.yaml\nsource: sales.csv\ntarget: warehouse:t\n"
        "delimiter: ;\nkey: sale_id\nnull_values:\n- three\n"
    )
    ran = said(capsys, "copy", "sales.yaml")
    assert query("SELECT count(*) FROM t WHERE quantity IS NULL") == [(2,)]
    typed = said(capsys, "copy", "sales.csv", "warehouse:t", "--key", "sale_id", "--null", "three")
    assert (typed["id"], typed["already"]) == (ran["id"], True)
    strict = said(capsys, "copy", "sales.yaml", "--max-rejects", "0", "--again", "--dry-run", code=3)
    assert strict["account"]["rejected"] > 0
    assert main(words) == 2
    assert "'sales.yaml' exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source: sales.csv\n", "names no target"),
        ("source: api:/x\nlimit: 60/minute\n", "penstock copy plan.yaml lake:name"),
        ("source: sales.csv\ntarget: warehouse:t\nkeys: a\n", "unknown field 'keys'"),
    ],
)
def test_what_is_no_copy_s_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    assert main(["copy", "plan.yaml"]) == 2
    assert message in capsys.readouterr().err


def test_without_a_target_the_ways_on_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["copy", "sales.csv"]) == 2
    assert "penstock preview sales.csv" in capsys.readouterr().err


def test_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "sales.csv"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        "sales.csv: 5 rows, 5 columns\n  format csv, encoding utf-8, delimiter ';' (detected), "
    )
    assert "quantity (Quantity)  text     three in line 4 of sales.csv; before it, bigint" in out
    assert "1 row cannot be parsed" in out


@pytest.mark.parametrize("text", ['{"id": 1, "name": "Ann"}\n', '[{"id": 1, "name": "Ann"}]'])
def test_other_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (tmp_path / "people.txt").write_text(text)
    found = said(capsys, "preview", "people.txt", "warehouse:people")
    assert [one["type"] for one in found["columns"]] == ["bigint", "text"]
    assert (found["sample"], found["account"]["loaded"]) == ([["1", "Ann"]], 1)


def test_options_of_files_that_people_made_are_printed_and_saved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, saved = tmp_path / "in.csv", tmp_path / "copy.yaml"
    path.write_text("# by hand\nid;price;day\n1;1,50;1.2.2013\n2\nTotal;1,50;\n")
    options = [
        "--comment",
        "#",
        "--footer",
        "1",
        "--short-rows",
        "null",
        "--decimal-comma",
        "--date-order",
        "dmy",
    ]
    assert (
        main(["preview", str(path), "warehouse:t", "--delimiter", ";", *options, "--save", str(saved)]) == 0
    )
    printed = capsys.readouterr().out
    assert "comment '#', footer 1" in printed
    assert "2 rows left out by a filter, a flag, --comment or --footer" in printed
    assert main(["copy", str(saved), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["loaded"], result["rejected"], result["filtered"]) == (2, 0, 2)
