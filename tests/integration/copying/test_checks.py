"""Checks of a table in the copy's transaction: what fails is rolled back, what warns is kept and reported."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.databases import Query
from tests.integration.copying.conftest import CopyText

import penstock
from penstock.cli.main import main
from penstock.model.errors import CheckFailed, ContractError, UsageError

SALES = "id,channel,day\n1,web,2013-02-01\n2,shop,2013-02-02\n2,shop,\n"


def found(result: penstock.CopyResult) -> list[tuple[bool, str]]:
    return [(one.passed, one.found) for one in result.checks]


@pytest.mark.parametrize(
    ("check", "says"),
    [
        ("unique:ID", "1 value more than once, such as '2'"),
        ("not_null:id,day", "1 row without a value"),
        ("accepted:channel=web,mail", "2 rows with another value, such as 'shop'"),
        ("fresh:day=2 days", "the newest value is 2013-02-02 00:00:00+00, "),
    ],
)
def test_a_failed_check_rolls_back_or_warns(copy_text: CopyText, query: Query, check: str, says: str) -> None:
    with pytest.raises(CheckFailed) as failed:
        copy_text(SALES, checks=check)
    assert f"1 check of warehouse:t failed; nothing was changed\n  {check}: {says}" in failed.value.message
    assert query("SELECT to_regclass('t'), to_regclass('penstock_ledger.copies')") == [(None, None)]
    ((passed, said),) = found(copy_text(SALES, checks=[f"warn:{check}"]))
    assert (passed, said.startswith(says)) == (False, True)
    assert query("SELECT count(*) FROM t") == [(3,)]
    assert query("SELECT passed, on_failure FROM penstock_ledger.checks") == [(False, "warn")]


def test_checks_that_pass(copy_text: CopyText, query: Query) -> None:
    now = datetime.now(UTC)
    text = f"id,channel,at\n1,web,{now - timedelta(hours=3):%F %T}\n2,,{now - timedelta(days=3):%F %T}\n,,infinity\n"
    query("CREATE TABLE t (id int, channel text, at timestamp)")
    result = copy_text(
        text,
        checks=["unique:id", "accepted:channel=web", {"fresh": {"at": "4 hours"}}, "unique:id,channel"],
    )
    assert [one.passed for one in result.checks] == [True] * 4
    assert "3 hours old" in result.checks[2].found
    with pytest.raises(CheckFailed, match="3 hours old"):
        copy_text(text, checks=[{"fresh": {"at": "2 hours"}}], again=True)


def test_an_empty_table_is_not_fresh(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int, day date)")
    with pytest.raises(CheckFailed, match="the table has no value"):
        copy_text("id,day\n", checks="fresh:day=1 day")


def test_volume_is_compared_with_the_last_copies(copy_text: CopyText) -> None:
    def rows(number: int, start: int) -> str:
        return "id\n" + "".join(f"{start + one}\n" for one in range(number))

    check = ["volume:50%-200%"]
    assert found(copy_text(rows(10, 0), checks=check)) == [(True, "10 rows, no earlier copy")]
    copy_text(rows(12, 100))
    copy_text(rows(1, 900), mode="merge", key="id")  # another kind of copy
    same = copy_text(rows(9, 200), checks=check)
    assert found(same) == [(True, "9 rows, 82% of the median 11 of the last 2 copies")]
    with pytest.raises(CheckFailed, match="4 rows, 40% of the median 10 of the last 3 copies"):
        copy_text(rows(4, 300), checks=check)
    with pytest.raises(CheckFailed, match="21 rows, 210%"):
        copy_text(rows(21, 400), checks=check)
    assert found(copy_text(rows(9, 200), checks=check)) == [(True, "copied before")]


def test_a_copy_that_was_done_before_is_checked_again(copy_text: CopyText, query: Query) -> None:
    copy_text("id\n1\n")
    query("INSERT INTO t VALUES (1)")
    with pytest.raises(CheckFailed, match="more than once"):
        copy_text("id\n1\n", checks="unique:id")
    result = copy_text("id\n1\n", checks="not_null:id")
    assert (result.already, found(result)) == (True, [(True, "in every row")])


def test_a_missing_column_is_found_before_rows_are_read(copy_text: CopyText) -> None:
    with pytest.raises(ContractError, match=r"column of a check 'idd' is not in public\.t") as missing:
        copy_text(SALES, checks="unique:idd")
    assert missing.value.hint == "did you mean id?"
    with pytest.raises(ContractError, match=r"column channel of public\.t has the type text"):
        copy_text(SALES, checks="fresh:channel=1 day")


def test_the_command_shows_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sales.csv").write_text(SALES)
    (tmp_path / "sales.yaml").write_text(
        "source: sales.csv\ntarget: warehouse:t\nchecks:\n- unique: id\n  on_failure: warn\n- volume: 50%\n"
    )
    words = ["copy", "sales.csv", "warehouse:t", "--check", "unique:id"]
    assert main([*words, "--dry-run"]) == 3
    assert "  check failed: unique:id: 1 value more than once" in capsys.readouterr().out
    assert main(words) == 3
    error = capsys.readouterr().err
    assert "error: 1 check of warehouse:t failed; nothing was changed" in error
    assert "hint: fix the source, or only warn: --check 'warn:unique:id'" in error
    assert main(["copy", "sales.yaml"]) == 0
    out = capsys.readouterr().out
    assert "check failed (warning): unique:id: 1 value more than once, such as '2'" in out
    assert "check passed: volume:50%: 3 rows, no earlier copy" in out
    assert main(["copy", "sales.yaml", "--again", "--json"]) == 0
    account: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert account["checks"][0] == {
        "check": "unique:id",
        "passed": False,
        "found": "2 values more than once, such as '1'",
        "on_failure": "warn",
    }
    assert main(["ledger", "show", account["id"], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["checks"] == account["checks"]


def test_where_there_is_no_table_to_check_they_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--check applies to copies into a Postgres table"):
        penstock.copy("warehouse:t", f"{tmp_path}/out/", checks="unique:id")
    with pytest.raises(UsageError, match="do not apply to --all"):
        penstock.copy_all("warehouse:public", "warehouse:b", checks="unique:id")
