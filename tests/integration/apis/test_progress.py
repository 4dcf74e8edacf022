"""Progress of a landing: for a receiver, in a pipe, on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.apis.conftest import Plan, cities
from tests.integration.apis.service import Say, Service

from penstock.cli.main import main
from penstock.ports import Underway
from penstock.rest.landing import Wish, as_plan, land

LIMITED = (
    "source: api:/weather\nauth: {query: appid}\neach: {product: {id: [0, 1, 2, 3, 4, 5, 6, 7]}}\n"
    "limit: {calls: 4, per_s: 0.6}\nbatch: 2\n"
)


class Noted(list[Underway]):
    def update(self, now: Underway) -> None:
        self.append(now)


def test_calls_answers_what_landed_and_who_waits(service: Service, lake: Path, plan: Plan) -> None:
    service.behave = lambda asked: Say({"id": 1}, status=500 if asked.number == 2 else 200)
    limited = as_plan(plan(limit={"calls": 4, "per_s": 0.6}, batch=2))
    output = Noted()
    land(limited, Wish(target="lake:weather", rows=cities(8)), output)
    assert output[-1] == Underway(calls=9, answers=8, landed=8, waiting=0)
    assert any(0 < now.landed <= now.answers < 8 and now.waiting for now in output), output
    assert [now.calls for now in output] == sorted(now.calls for now in output)


def test_a_line_now_and_then_in_a_pipe(
    service: Service,
    lake: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("penstock.cli.terminal.status.EVERY_S", 0.2)
    (tmp_path / "plan.yaml").write_text(LIMITED)
    assert main(["copy", str(tmp_path / "plan.yaml"), "lake:weather"]) == 0
    printed = capsys.readouterr()
    assert " waiting for the limit" in printed.err
    assert "calls, " in printed.err
    assert "waiting" not in printed.out


def test_a_moving_line_on_a_terminal(service: Service, lake: Path, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(LIMITED)
    command = str(Path(sys.executable).with_name("penstock"))
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    argv = [command, "copy", str(tmp_path / "plan.yaml"), "lake:weather"]
    done = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "waiting for the limit" in shown
    assert "\x1b[2K" in shown  # the line is rewritten, and cleared in the end
    assert b"answers" in done.stdout
