"""An unusable state directory gets one message with a hint, for every command."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock.cli.main import main
from penstock.project import Project
from penstock.stack import state_file
from penstock.stack.processes import Identity
from penstock.state_dir import broken_state, concerns_state

READ = (["logs"], ["logs", "scheduler", "-n", "1"])
STARTED = (
    ["start"],
    ["restart"],
    ["run", "hello"],
    ["parse"],
    ["db", "start"],
    ["db", "psql", "-c", "select 1"],
    ["copy", "x.csv", "warehouse:x"],
    ["ledger", "list"],
    ["rejects", "list"],
    ["lake", "list"],
    ["connection", "test", "warehouse"],
    ["sandbox", "start"],
    ["airflow", "version"],
)
RECALLED = (
    ["status"],
    ["stop"],
    ["restart", "scheduler"],
    ["backfill", "d", "--from", "2013-02-01", "--to", "2013-02-01"],
)


@pytest.fixture
def here(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("PENSTOCK_PROJECT", str(project.root))
    monkeypatch.chdir(project.root)
    (project.root / "x.csv").write_text("id\n1\n")
    return project


def test_a_file_in_its_place(here: Project, capsys: pytest.CaptureFixture[str]) -> None:
    here.state_dir.write_text("mine")
    for command in (*READ, *STARTED):
        assert main(command) == 1, command
        assert capsys.readouterr().err.splitlines() == [
            f"error: {here.state_dir} is a file, but Penstock needs a directory there",
            f"hint: mv {here.state_dir} {here.state_dir}.old",
        ], command
    assert here.state_dir.read_text() == "mine"


@contextmanager
def a_stranger() -> Iterator[None]:
    """Run as another account; without root, as the same account with the directory closed."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def test_another_accounts(here: Project, capsys: pytest.CaptureFixture[str]) -> None:
    test_a_file_in_its_place(here, capsys)  # imports what lies where the stranger has no way
    here.state_dir.unlink()
    state_file.save(here, state_file.StackRecord(Identity(2**22, "never"), 0.0, ()))
    here.make_state_dir("logs")
    commands = [*READ, *STARTED, *RECALLED, ["doctor", "--no-connect"], ["reset", "--yes"]]
    main(["doctor", "--no-connect"])
    main(["reset", "--help"])
    here.state_dir.chmod(0o700 if os.geteuid() == 0 else 0)
    try:
        for command in commands:
            capsys.readouterr()
            with a_stranger():
                assert main(command) == 1, command
            output = capsys.readouterr()
            assert str(here.state_dir) in output.out + output.err, command
            assert "chown -R" in output.out + output.err or "chmod " in output.out + output.err, command
    finally:
        here.state_dir.chmod(0o700)


def test_what_the_remedy_is() -> None:
    read_only = OSError(errno.EROFS, "Read-only file system", "/srv/shop/.penstock/logs/x.log")
    assert concerns_state(read_only)
    assert "writable" in str(broken_state(read_only).hint)
    assert not concerns_state(OSError(errno.EACCES, "Permission denied", "/srv/shop/sales.csv"))
    assert not concerns_state(OSError(errno.EPIPE, "Broken pipe"))


def test_a_file_deeper_down_is_named(tmp_path: Path) -> None:
    logs = Project(tmp_path).make_state_dir() / "logs"
    logs.write_text("mine")
    error = broken_state(OSError(errno.ENOTDIR, "Not a directory", str(logs / "run" / "x.log")))
    assert error.message == f"{logs} is a file, but Penstock needs a directory there"
