"""What `penstock run` refuses before anything is started, and how it shows what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.cli.main import main
from penstock.cli.run_board import RunBoard
from penstock.project import Project
from penstock.sandbox.events import RunRequest


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--date", "tomorrow"), "'tomorrow' is no date"),
        (("--date", "2013-02-01", "--from", "2013-02-01", "--to", "2013-02-02"), "--date is one run"),
        (("--from", "2013-02-01"), "--from and --to belong together"),
        (("--conf", "{day: 1}"), "--conf is no JSON"),
        (("--conf", "[1]"), "--conf must be a JSON object"),
    ],
)
def test_requests_that_make_no_sense_start_nothing(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["run", "shop", *words]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert "hint: " in told


def test_words_that_begin_with_a_dash_stay_values() -> None:
    request = RunRequest("-shop", conf='{"a": 1}', task="-x", keep_going=True)
    assert request.words() == ["--task=-x", '--conf={"a": 1}', "--keep-going", "--", "-shop"]


def show(tmp_path: Path, *events: dict[str, object]) -> RunBoard:
    with RunBoard(Project(tmp_path), "shop") as board:
        board.show({"event": "start", "logical_date": "2013-02-01T00:00:00+00:00", "tasks": ["a", "b[x]"]})
        for event in events:
            board.show(event)
    return board


def test_rows_and_rejects_stand_behind_a_copy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    account = {"loaded": 97_357, "rejected": 1_943, "duplicates": 700}
    show(tmp_path, {"event": "end", "task": "a", "state": "success", "seconds": 3.1, "account": account})
    assert capsys.readouterr().out.splitlines()[1] == "  ✓   3.10 s  a  97,357 rows, 1,943 rejected"


def test_the_first_failure_is_the_one_that_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    end = {"event": "end", "state": "failed", "seconds": 0.1, "log": "/x/a.log"}
    board = show(
        tmp_path,
        {"event": "begin", "task": "a"},
        {**end, "task": "a", "error": "ValueError: [bold]no[/bold]", "hint": "mend it"},
        {**end, "task": "b[x]", "error": "KeyError: 'y'"},
        {"event": "done", "state": "failed", "seconds": 1.0},
    )
    assert board.failure is not None
    assert board.failure.message == "a: ValueError: [bold]no[/bold]"
    assert board.failure.hint == "mend it; see /x/a.log"
    assert capsys.readouterr().out.splitlines()[-1] == "failed in 1.0 s, 0 of 2 tasks succeeded"
