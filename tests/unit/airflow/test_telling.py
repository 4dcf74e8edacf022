"""Errors of a process that runs DAGs are reported as events."""

from __future__ import annotations

import errno
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from penstock.airflow.json_events import carried_out
from penstock.airflow.run_database import database_failures
from penstock.model.errors import PenstockError


def fill_the_disk() -> int:
    with Path("/dev/full").open("w") as full:
        full.write("no room")
    return 0


def ask_a_closed_state() -> int:
    raise PermissionError(errno.EACCES, "Permission denied", "/srv/shop/.penstock/airflow/run.lock")


@pytest.mark.parametrize(
    ("work", "message"),
    [(fill_the_disk, "the disk is full"), (ask_a_closed_state, "run.lock is not accessible to this account")],
)
def test_it_is_told(work, message: str) -> None:  # type: ignore[no-untyped-def]
    events = io.StringIO()
    assert carried_out(events, work) == 1
    output = json.loads(events.getvalue())
    assert (output["event"], message in output["message"], bool(output["hint"])) == ("error", True, True)


def test_a_fault_of_our_own_is_none_of_them() -> None:
    with pytest.raises(FileNotFoundError):
        carried_out(io.StringIO(), lambda: len(Path("/srv/nothing").read_text()))


def test_a_database_that_fails_is_named(tmp_path: Path) -> None:
    database = tmp_path / "metadata.db"
    with (
        pytest.raises(PenstockError, match=r"failed: .*metadata\.db: no such table: dag_run") as caught,
        database_failures(database),
        closing(sqlite3.connect(database)) as session,
    ):
        session.execute("SELECT * FROM dag_run")
    assert "free some space" in str(caught.value.hint)
