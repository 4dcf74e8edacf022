"""A copy that loads nothing: an error where every row was rejected, and plain words where there was nothing to load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.databases import Query
from tests.integration.copying.conftest import CopyText
from tests.integration.copying.test_faces import flags

import penstock
from penstock.cli.main import main
from penstock.model.errors import ExitCode, TooManyRejects
from penstock.routes.quarantine import replay

BAD = "id,q\nx,1\ny,2\n"


@pytest.fixture(autouse=True)
def table(query: Query) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, q int)")


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.csv"
    path.write_text(BAD)
    return str(path)


def open_rejects(query: Query) -> int:
    return int(query("SELECT count(*) FROM penstock_ledger.rejects WHERE replayed_by IS NULL")[0][0])


def test_the_command_ends_with_five_and_keeps_account_and_rejects(
    bad: str, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["copy", bad, "warehouse:t"]) == int(ExitCode.NOTHING)
    output = capsys.readouterr()
    (identity,) = query("SELECT id FROM penstock_ledger.copies WHERE rejected = 2")[0]
    assert output.out.splitlines()[1:] == [
        "  read                   2",
        "  loaded                 0",
        "  duplicates             0",
        "  rejected               2  2 bad_type",
        f"  copy {identity[:12]}",
    ]
    assert output.err == (
        "error: every row was rejected (2 of 2): nothing was loaded into warehouse:t\n"
        f"hint: penstock rejects show {identity[:12]} shows why; --max-rejects 100% accepts it\n"
    )
    assert open_rejects(query) == 2

    assert main(["copy", bad, "warehouse:t", "--json"]) == ExitCode.NOTHING
    output = capsys.readouterr()
    assert (json.loads(output.out)["already"], json.loads(output.out)["rejected"]) == (True, 2)
    assert "it was copied before, and none of its rejects were loaded since" in output.err


@pytest.mark.parametrize("mode", ["replace", "interval", "mirror"])
def test_rows_stay_when_nothing_would_take_their_place(
    mode: Any, bad: str, query: Query, tmp_path: Path
) -> None:
    query("INSERT INTO t VALUES (1, 1), (2, 2)")
    query("CREATE TABLE s (id int, q text); INSERT INTO s VALUES (3, 'x')")
    source = "warehouse:s" if mode == "mirror" else bad
    options: dict[str, Any] = {"mode": mode}
    if mode == "interval":
        options |= {"interval_column": "id", "interval_start": "1", "interval_end": "3"}
    with pytest.raises(
        TooManyRejects, match=r"warehouse:t keeps the 2 rows .*; nothing was changed\n  .*bad_type"
    ):
        penstock.copy(source, "warehouse:t", **options)
    assert query("SELECT count(*) FROM t") == [(2,)]
    result = penstock.copy(source, "warehouse:t", max_rejects="100%", **options)
    assert (result.deleted, query("SELECT count(*) FROM t")) == (2, [(0,)])


def test_the_call_raises_with_the_account(bad: str, query: Query) -> None:
    for already in (False, True):
        with pytest.raises(penstock.NothingLoaded, match=r"every row was rejected \(2 of 2\)") as nothing:
            penstock.copy(bad, "warehouse:t")
        assert nothing.value.result.rejects == {"bad_type": 2}
        assert nothing.value.result.already is already
    assert open_rejects(query) == 2


def test_a_task_fails_at_once_with_the_account_in_its_log(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from penstock.airflow.copy_operator import CopyOperator

    logged: list[str] = []
    monkeypatch.setattr(CopyOperator, "_tell", lambda _, lines: logged.extend(lines))
    task = CopyOperator(task_id="copy", source=bad, target="warehouse:t", retries=3)
    for _ in range(2):  # a task that is cleared does not succeed either
        with pytest.raises(AirflowFailException, match=r"every row was rejected.*penstock rejects show"):
            task.execute({})
        assert "rejected, bad_type: 2" in logged
        logged.clear()


@pytest.mark.parametrize("limit", ["100%", "250%"])
def test_a_share_of_all_rows_allows_it(bad: str, limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["copy", bad, "warehouse:t", "--max-rejects", limit]) == 0
    output = capsys.readouterr()
    assert "every row was rejected (2 of 2)" in output.out
    assert "show the rejects: penstock rejects show" in output.out
    assert penstock.copy(bad, "warehouse:t", max_rejects=limit).already


def test_a_count_does_not_allow_it(bad: str) -> None:
    with pytest.raises(penstock.NothingLoaded):
        penstock.copy(bad, "warehouse:t", max_rejects=100)


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "replace"},
        {"mode": "merge"},
        {"mode": "interval", "interval_column": "q", "interval_start": "1", "interval_end": "9"},
    ],
    ids=lambda options: str(options["mode"]),
)
def test_in_every_mode(
    bad: str, query: Query, options: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    query("INSERT INTO t VALUES (7, 7)")
    code = ExitCode.NOTHING if options["mode"] == "merge" else ExitCode.TOO_MANY_REJECTS
    assert main(["copy", bad, "warehouse:t", *flags(options)]) == code
    assert ("nothing was changed" in capsys.readouterr().err) is (code == ExitCode.TOO_MANY_REJECTS)
    assert query("SELECT id FROM t") == [(7,)]


def test_equal_rows_that_are_there_already_are_not_nothing(copy_text: CopyText, query: Query) -> None:
    query("INSERT INTO t VALUES (1, 1)")
    result = copy_text("id,q\n1,1\nx,2\n")
    assert (result.loaded, result.duplicates, result.rejected) == (0, 1, 1)


def test_a_replay_of_rows_that_are_rejected_again(
    bad: str, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(penstock.NothingLoaded) as first:
        penstock.copy(bad, "warehouse:t")
    assert main(["rejects", "replay", first.value.result.id]) == ExitCode.NOTHING
    output = capsys.readouterr()
    assert "every row was rejected again (2 of 2)" in output.err
    assert "penstock rejects export" in output.err
    assert "  rejected               2  2 bad_type" in output.out
    assert main(["rejects", "replay", first.value.result.id]) == ExitCode.NOTHING
    assert "has no open rejects" in capsys.readouterr().err

    # The same rows once more, from the quarantine of the replay: the table is another one now.
    (again,) = query("SELECT id FROM penstock_ledger.copies ORDER BY run DESC LIMIT 1")[0]
    assert again != first.value.result.id
    query("ALTER TABLE t ALTER id TYPE text")
    assert replay("warehouse", again).inserted == 2
    assert open_rejects(query) == 0

    # The rejects were replayed, so the first copy is complete; its task succeeds when cleared in Airflow.
    assert main(["copy", bad, "warehouse:t"]) == ExitCode.DONE
    assert "  replayed               2  of the rejects, loaded since" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("id,q\n", (), "the source has no rows"),
        (
            "id,q\n1,1\n",
            ("--filter-column", "q", "--filter-value", "9"),
            "the filter matches no row of the source",
        ),
    ],
)
def test_a_source_without_rows_is_done_and_says_so(
    tmp_path: Path, text: str, options: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.csv").write_text(text)
    assert main(["copy", str(tmp_path / "in.csv"), "warehouse:t", *options]) == ExitCode.DONE
    assert f"\n  {words}\n" in capsys.readouterr().out
    assert main(["copy", str(tmp_path / "in.csv"), "warehouse:t", *options]) == ExitCode.DONE
    assert "already copied, nothing changed" in capsys.readouterr().out


def test_a_task_says_that_its_source_has_no_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from penstock.airflow.copy_operator import CopyOperator

    logged: list[str] = []
    monkeypatch.setattr(CopyOperator, "_tell", lambda _, lines: logged.extend(lines))
    (tmp_path / "in.csv").write_text("id,q\n")
    CopyOperator(task_id="copy", source=str(tmp_path / "in.csv"), target="warehouse:t").execute({})
    assert "the source has no rows" in logged


@pytest.mark.parametrize("pattern", ["no*.csv", "no.csv", "zero.csv"])
def test_no_file_and_a_file_of_no_bytes_fail(
    tmp_path: Path, pattern: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "zero.csv").touch()
    assert main(["copy", str(tmp_path / pattern), "warehouse:t"]) == ExitCode.FAILED
    assert capsys.readouterr().err.startswith("error: ")


def test_no_reject_to_show_is_said(copy_text: CopyText, capsys: pytest.CaptureFixture[str]) -> None:
    result = copy_text("id,q\n1,1\n")
    assert main(["rejects", "show", result.id]) == 0
    assert capsys.readouterr().out == f"copy {result.id} has no rejects\n"
    copied = copy_text("id,q\n2,2\nx,3\n", name="other.csv")
    assert main(["rejects", "show", copied.id, "--reason", "check"]) == 0
    assert capsys.readouterr().out == f"copy {copied.id} has no rejects for the reason check\n"
