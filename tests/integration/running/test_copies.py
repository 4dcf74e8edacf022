"""Copies as files become DAGs: a project from the template, with real runs."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import RUN_DIR, _remove, metadata_database
from tests.databases import enter, uri
from tests.integration.running.conftest import Shop

from penstock.devtools.init import make
from penstock.model.connection import Connection

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def copies() -> Iterator[Shop]:
    made = make(Path(os.environ[RUN_DIR], secrets.token_hex(4)), "copies")
    made.root.chmod(0o755)
    with metadata_database(made.root):
        yield Shop(made.root)
    _remove(made.root)


def write(shop: Shop, name: str, text: str) -> None:
    (shop.root / "copies" / name).write_text(text)


@pytest.mark.soak
def test_each_file_is_a_dag_and_by_hand_it_is_the_same_copy(copies: Shop, warehouse: Connection) -> None:
    write(
        copies,
        "by_day.yaml",
        "source: include/greetings.csv\ntarget: warehouse:raw.by_day\nfilter_column: day\n"
        "filter_value: '{{ ds }}'\nschedule: [warehouse:raw.greetings]\n"
        "checks:\n- unique: id\n- accepted: {name: ['{{ ds }}', Ada, Grace]}\n",
    )
    found = {"PENSTOCK_CONN_WAREHOUSE": uri(warehouse)}
    parsed = json.loads(copies.command("parse", "--json", **found).stdout)
    assert {one["dag"] for one in parsed["dags"]} == {"by_day", "greetings"}
    assert parsed["problems"] == []
    done = copies.command("run", "greetings", **found)
    assert done.returncode == 0, done.stderr
    assert "copy  3 rows" in done.stdout
    by_hand = json.loads(copies.command("copy", "copies/greetings.yaml", "--json", **found).stdout)
    assert (by_hand["already"], by_hand["loaded"]) == (True, 3)
    refused = copies.command("copy", "copies/by_day.yaml", **found)
    assert refused.returncode == 2
    assert "penstock run by_day --date" in refused.stderr
    done = copies.command("run", "by_day", "--date", "2013-02-01", **found)
    assert done.returncode == 0, done.stderr
    with enter(warehouse) as session:
        assert session.execute("SELECT count(*) FROM raw.by_day").fetchall() == [(2,)]
        kept = session.execute('SELECT "check", passed FROM penstock_ledger.checks').fetchall()
        assert kept == [("unique:id", True), ("accepted:name=2013-02-01,Ada,Grace", True)]
        log = next((copies.root / ".penstock" / "logs" / "run" / "by_day").rglob("copy.log")).read_text()
        assert "check passed: unique:id: no repeated value" in log


def test_an_invalid_file_is_an_import_error_with_its_line_and_stops_no_other(
    copies: Shop, warehouse: Connection
) -> None:
    ends = "source: include/greetings.csv\ntarget: warehouse:raw.t\n"
    write(copies, "bad.yaml", f"{ends}mode: merg\n")
    write(copies, "cron.yaml", f"{ends}schedule: every day\n")
    write(copies, "after.yaml", f"{ends}schedule: [data/a.csv]\n")
    write(copies, "greetings.toml", 'source = "a.csv"\ntarget = "warehouse:t"\n')
    found = {"PENSTOCK_CONN_WAREHOUSE": uri(warehouse)}
    done = copies.command("parse", "--json", **found)
    assert done.returncode == 1
    parsed = json.loads(done.stdout)
    (problem,) = parsed["problems"]
    assert problem["file"] == "dags/copies.py"
    for said in (
        "copies/bad.yaml:3: mode: Input should be 'append'",
        "copies/cron.yaml:3: AirflowTimetableInvalid",
        "copies/after.yaml:3: 'data/a.csv' is not a target",
        "copies/greetings.yaml:2: another file has this name",
    ):
        assert said in problem["message"]
    unknown = copies.command("run", "bad", **found)
    assert (unknown.returncode, "copies/bad.yaml:3: mode" in unknown.stderr) == (2, True)
    (copies.root / "copies" / "greetings.yaml").unlink()
    write(copies, "good.yaml", ends)
    done = copies.command("run", "good", **found)
    assert done.returncode == 0, done.stderr
