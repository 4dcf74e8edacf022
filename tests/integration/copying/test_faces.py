"""The same plans through the command, the call and the operator give the same rows and the same account."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.databases import Query

import penstock
from penstock.cli.main import main

FIELDS = [
    "id",
    "already",
    "read",
    "loaded",
    "inserted",
    "updated",
    "unchanged",
    "deleted",
    "duplicates",
    "rejected",
    "filtered",
    "rejects",
    "replayed",
    "seconds",
    "visible_rows_only",
    "detected",
    "checks",
    "changes",
]
TEXT = "id,at,name\n1,2013-02-01,a\n1,2013-02-01,a\n2,2013-02-01,None\n3,2013-02-02,c\nx,2013-02-01,d\n1,2013-02-01,z\n"

Face = Callable[[str, str, dict[str, Any]], dict[str, Any]]


def flags(options: dict[str, Any]) -> list[str]:
    """The options as a person types them."""
    typed = []
    for name, value in options.items():
        if name == "null_values":
            typed += [word for text in value for word in ("--null", text)]
        elif value is True:
            typed.append("--" + name.replace("_", "-"))
        else:
            typed += ["--" + name.replace("_", "-"), str(value)]
    return typed


def by_operator(source: str, target: str, options: dict[str, Any]) -> dict[str, Any]:
    from penstock.airflow.copy_operator import CopyOperator

    # pipeline and task are part of a copy's identity; a plan that names none is meant here.
    operator = CopyOperator(task_id="copy", source=source, target=target, **options)
    operator.options |= {"pipeline": None, "task": None}
    done: dict[str, Any] = operator.execute({})
    return done


@pytest.fixture(params=["command", "call", "operator"])
def face(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Face:
    def by_command(source: str, target: str, options: dict[str, Any]) -> dict[str, Any]:
        capsys.readouterr()
        assert main(["copy", source, target, "--json", *flags(options)]) == 0
        printed: dict[str, Any] = json.loads(capsys.readouterr().out)
        return printed

    def by_call(source: str, target: str, options: dict[str, Any]) -> dict[str, Any]:
        return penstock.copy(source, target, **options).to_dict()

    faces: dict[str, Face] = {"command": by_command, "call": by_call, "operator": by_operator}
    return faces[request.param]


PLANS: list[dict[str, Any]] = [
    {},
    {"key": "id", "null_values": ["None", ""]},
    {"mode": "replace", "key": "id"},
    {"mode": "merge", "key": "id", "order_by": "name", "max_rejects": "50%"},
    {"filter_column": "at", "filter_value": "2013-02-02"},
    {
        "mode": "interval",
        "interval_column": "at",
        "interval_start": "2013-02-01",
        "interval_end": "2013-02-02",
    },
    {"skip_extra": True, "fill_missing": True, "delimiter": ","},
]

# The expected results of each plan: inserted, duplicates, rejected, filtered; and the ids in the table.
EXPECTED = [
    ((5, 0, 1, 0), [1, 1, 1, 2, 3]),
    ((3, 1, 2, 0), [1, 2, 3]),
    ((3, 1, 2, 0), [1, 2, 3]),
    ((3, 0, 3, 0), [1, 2, 3]),
    ((1, 0, 0, 5), [3]),
    ((4, 0, 2, 0), [1, 1, 1, 2]),
    ((5, 0, 1, 0), [1, 1, 1, 2, 3]),
]


@pytest.mark.parametrize("number", range(len(PLANS)))
def test_parity(
    face: Face, number: int, tmp_path: Path, query: Query, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    query("CREATE TABLE t (id int, at date, name text)")
    (tmp_path / "in.csv").write_text(TEXT)
    result = face(str(tmp_path / "in.csv"), "warehouse:t", PLANS[number])
    counts, ids = EXPECTED[number]
    assert list(result) == FIELDS
    assert tuple(result[name] for name in ("inserted", "duplicates", "rejected", "filtered")) == counts
    assert [row[0] for row in query("SELECT id FROM t ORDER BY id")] == ids
    again = face(str(tmp_path / "in.csv"), "warehouse:t", PLANS[number])
    assert again == result | {"already": True}


def test_the_identity_is_the_same_through_each(
    tmp_path: Path, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    query("CREATE TABLE t (id int, at date, name text)")
    (tmp_path / "in.csv").write_text(TEXT)
    source = str(tmp_path / "in.csv")
    first = penstock.copy(source, "warehouse:t", key="id")
    assert main(["copy", source, "warehouse:t", "--json", "--key", "id"]) == 0
    assert json.loads(capsys.readouterr().out) == first.to_dict() | {"already": True}
    assert by_operator(source, "warehouse:t", {"key": "id"}) == first.to_dict() | {"already": True}


def test_replace_is_a_flag_of_its_own(tmp_path: Path, query: Query) -> None:
    query("CREATE TABLE t (id int)")
    query("INSERT INTO t VALUES (7)")
    (tmp_path / "in.csv").write_text("id\n1\n")
    assert main(["copy", str(tmp_path / "in.csv"), "warehouse:t", "--replace"]) == 0
    assert query("SELECT id FROM t") == [(1,)]
