"""`penstock parse`, on real files."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.running.conftest import Shop

BROKEN = {
    "again.py": 'from airflow.sdk import DAG\n\nwith DAG("six", schedule=None): pass\n',
    "asks.py": 'from airflow.sdk import DAG, Variable\nREGION = Variable.get("region")\n',
    "dies.py": "from airflow.sdk import DAG\nimport os\nos._exit(9)\n",
}


def test_all_in_order_is_one_line_and_makes_no_database(shop: Shop) -> None:
    done = shop.command("parse", PENSTOCK_CONN_DWH="postgres://a@b/c", AIRFLOW_VAR_API_TOKEN="x")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("4 files, 5 DAGs, nothing wrong, ")
    assert not (shop.root / ".penstock" / "airflow" / "nowhere").exists()


def test_every_problem_is_told_at_once(shop: Shop) -> None:
    names = ("again.py", "asks.py")
    for name in names:
        (shop.root / "dags" / name).write_text(BROKEN[name])
    try:
        done = shop.command("parse", "--json")
    finally:
        for name in names:
            (shop.root / "dags" / name).unlink()
    assert (done.returncode, done.stderr.count("Traceback")) == (1, 0)
    found = json.loads(done.stdout)
    output = {(one["file"], one["line"]): one["message"] for one in found["problems"]}
    assert "also in dags/again.py:3" in output["dags/shop.py", 8]
    assert "Variable region not found" in output["dags/asks.py", 2]
    lacking = [one["message"] for one in found["problems"] if one["file"] is None]
    assert lacking == [
        "the project has no connection 'dwh', used in dags/copies.py:6",
        "the project has no variable 'region', used in dags/asks.py:2",
    ]
    assert [one["dag"] for one in found["dags"]] == ["six", "copies", "mapped", "days", "six", "sleeps"]


def test_a_secret_in_an_error_is_masked(shop: Shop) -> None:
    path = shop.root / "dags" / "leaks.py"
    path.write_text(
        '# an airflow dag\nfrom penstock import lookup\nraise ValueError(lookup.find("dwh").password.reveal())\n'
    )
    try:
        done = shop.command("parse", PENSTOCK_CONN_DWH="postgres://a:planted-secret@b/c")
    finally:
        path.unlink()
    assert "ValueError: ***" in done.stdout + done.stderr
    assert "planted-secret" not in done.stdout + done.stderr


def test_a_file_that_ends_the_process_is_named(shop: Shop) -> None:
    path = shop.root / "dags" / "dies.py"
    path.write_text(BROKEN["dies.py"])
    try:
        done = shop.command("parse")
    finally:
        path.unlink()
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        1,
        "error: the process that imports DAG files crashed at dags/dies.py, exit code 9",
    )


def test_no_dag_to_look_at_is_nothing_done(tmp_path: Path) -> None:
    empty = Shop(tmp_path)
    (tmp_path / "penstock.toml").write_text('[project]\nname = "empty"\n')
    done = empty.command("parse")
    assert done.stdout.startswith("0 files, 0 DAGs, nothing to check, ")
    assert (done.returncode, done.stderr.splitlines()[0]) == (5, f"error: no DAG files of {tmp_path}/dags")
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "shared.py").write_text("# airflow, dag: what others import\nRATE = 2\n")
    done = empty.command("parse", "--json")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        5,
        f"error: no DAG in 1 file of {tmp_path}/dags",
    )
    assert json.loads(done.stdout)["dags"] == []


def test_no_test_to_run_is_nothing_done(tmp_path: Path) -> None:
    empty = Shop(tmp_path)
    (tmp_path / "penstock.toml").write_text('[project]\nname = "empty"\n')
    done = empty.command("test")
    assert (done.returncode, done.stderr.splitlines()[-2:]) == (
        5,
        [f"error: no tests found in {tmp_path}", "hint: put tests in tests/test_*.py"],
    )
