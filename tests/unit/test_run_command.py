"""Errors of `penstock run` before it starts, and its progress display."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.cli.main import main
from penstock.cli.run_progress import RunBoard
from penstock.devtools.dag_events import RunRequest
from penstock.project import Project


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--date", "tomorrow"), "invalid date 'tomorrow'"),
        (("--date", "2013-02-01", "--from", "2013-02-01", "--to", "2013-02-02"), "--date cannot be combined"),
        (("--from", "2013-02-01"), "--from and --to must be given together"),
        (("--conf", "{day: 1}"), "--conf is not valid JSON"),
        (("--conf", "[1]"), "--conf must be a JSON object"),
    ],
)
def test_requests_that_make_no_sense_start_nothing(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["run", "shop", *words]) == 2
    output = capsys.readouterr().err
    assert message in output
    assert "hint: " in output


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


def test_a_mapped_task_is_shown_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = {"event": "end", "state": "success", "seconds": 0.1}
    failed = {"event": "end", "state": "failed", "seconds": 0.1, "error": "no sales"}
    board = show(
        tmp_path,
        {**ended, "task": "a[0]", "label": "a[north]"},
        {**failed, "task": "a[1]", "label": "a[south]"},
        {**ended, "task": "c[0]"},
    )
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[3] for line in lines] == ["a[north]", "a[south]", "c[0]"]
    assert str(board.failure).startswith("a[south]: no sales")


def test_the_first_failure_is_the_one_that_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    end = {"event": "end", "state": "failed", "seconds": 0.1, "log": "/x/a.log"}
    board = show(
        tmp_path,
        {"event": "begin", "task": "a"},
        {**end, "task": "a", "error": "ValueError: [bold]no[/bold]", "hint": "fix it"},
        {**end, "task": "b[x]", "error": "KeyError: 'y'"},
        {"event": "done", "state": "failed", "seconds": 1.0},
    )
    assert board.failure is not None
    assert board.failure.message == "a: ValueError: [bold]no[/bold]"
    assert board.failure.hint == "fix it; see /x/a.log"
    assert capsys.readouterr().out.splitlines()[-1] == "failed in 1.0 s, 0 of 2 tasks succeeded"


ON_A_TERMINAL = """
from pathlib import Path
from penstock.cli.run_progress import RunBoard
from penstock.project import Project

day = "2013-02-01T09:00:00+00:00"
with RunBoard(Project(Path("/srv")), "shop") as board:
    board.show({"event": "start", "logical_date": day, "tasks": ["a", "b"]})
    board.show({"event": "begin", "task": "a"})
    board.show({"event": "end", "task": "a", "state": "success", "seconds": 1.25})
    board.show({"event": "end", "task": "b[0]", "state": "skipped", "seconds": 0.0})
    board.show({"event": "done", "state": "success", "seconds": 1.5})
    board.show({"event": "finished", "runs": 1, "failed": 0, "left": [], "seconds": 1.5})
"""


def test_on_a_terminal_the_tasks_are_a_table_that_moves() -> None:
    here, there = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", ON_A_TERMINAL], stdout=there, stderr=there) as process:
        os.close(there)
        shown = b""
        with contextlib.suppress(OSError):  # how Linux says that the other end is closed
            while part := os.read(here, 4096):
                shown += part
    os.close(here)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert process.returncode == 0, text
    assert "shop: starting Airflow" in text
    assert re.search(r"✓\s+1\.25 s\s+a", text)
    assert re.search(r"-\s+0\.00 s\s+b\[0\]\s+skipped", text)
    assert "success in 1.5 s, 1 of 2 tasks succeeded, 1 skipped" in text
