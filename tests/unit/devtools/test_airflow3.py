"""What an upgrade check finds in code that was written for Airflow 2, and what it does not blame on the upgrade."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from penstock.airflow.upgrade_probe import _line
from penstock.devtools.upgrade import airflow3, requirements
from penstock.devtools.upgrade.problem import Kind, Problem, Report, marked
from penstock.project import Project

OLD = """\
'''Not a template: {{ execution_date }}.'''
from airflow import DAG
from airflow.operators.bash import BashOperator
from airflow.operators.python_operator import PythonOperator
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.providers.postgres.operators.postgres import PostgresOperator
from airflow.utils.dates import days_ago

args = {"owner": "me", "provide_context": True}
other = {"provide_context": True}
with DAG("old", schedule_interval="0 9 * * *", start_date=days_ago(1), default_args=args):
    PythonOperator(task_id="a", python_callable=print, provide_context=True)
    BashOperator(task_id="b", bash_command="echo {{ ds }} {{ execution_date }} {{ params.next_ds }}")
"""
NEW = """\
from airflow.sdk import DAG, CronDataIntervalTimetable
DAG("a", schedule=CronDataIntervalTimetable("0 9 * * *", timezone="UTC"), doc_md="{{ ds }}")
DAG("b", schedule=None)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "old.py").write_text(OLD)
    (tmp_path / "dags" / "new.py").write_text(NEW)
    (tmp_path / "dags" / "day.sql").write_text("select\n'{{ yesterday_ds }}'")
    return tmp_path


def found(root: Path) -> dict[str, list[tuple[str, str]]]:
    problems, _ = airflow3.problems(root)
    return {
        str(kind): sorted((one.where, one.message.split("`")[1]) for one in problems if one.kind == kind)
        for kind in (Kind.removed, Kind.changed, Kind.deprecation)
    }


REMOVED_BY_RUFF = [
    ("dags/old.py:11", "airflow.utils.dates.days_ago"),
    ("dags/old.py:11", "schedule_interval"),
    ("dags/old.py:12", "airflow.operators.python_operator.PythonOperator"),
    ("dags/old.py:12", "provide_context"),
]
REMOVED_BY_US = [
    ("dags/day.sql:2", "yesterday_ds"),
    ("dags/old.py:13", "execution_date"),
    ("dags/old.py:6", "PostgresOperator"),
    ("dags/old.py:9", "provide_context"),
]


def test_what_airflow_3_removed_and_what_it_means_differently(root: Path) -> None:
    assert found(root) == {
        "removed": sorted(REMOVED_BY_RUFF + REMOVED_BY_US),
        "changed": [("dags/old.py:11", "ds")],
        "deprecation": [
            ("dags/old.py:11", "airflow.DAG"),
            ("dags/old.py:13", "airflow.operators.bash.BashOperator"),
        ],
    }
    problems, notes = airflow3.problems(root)
    messages = [one.message for one in problems]
    assert "`schedule_interval` is removed in Airflow 3.0 (AIR301): Use `schedule` instead" in messages
    assert any(
        one.endswith("(AIR301): use a date, such as pendulum.datetime(2025, 1, 1)") for one in messages
    )
    (note,) = notes
    assert note.startswith("`ruff check --isolated --select AIR3 --fix --unsafe-fixes dags` fixes ")


def test_a_project_that_keeps_intervals(root: Path) -> None:
    (root / ".env").write_text("AIRFLOW__SCHEDULER__CREATE_CRON_DATA_INTERVALS=True\n")
    assert found(root)["changed"] == []


def test_without_ruff_there_is_a_hint(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow3, "_ruff", lambda: None)
    assert found(root)["removed"] == REMOVED_BY_US
    assert airflow3.problems(root)[1] == [airflow3.NO_RUFF]


@pytest.mark.parametrize(("now", "broken"), [("3.1.0", 0), ("2.10.5", 8)])
def test_what_is_removed_breaks_only_where_airflow_2_is_installed(
    root: Path, monkeypatch: pytest.MonkeyPatch, now: str, broken: int
) -> None:
    checks = import_module("penstock.devtools.upgrade.check")  # its function has the same name
    monkeypatch.setattr(checks, "installed", lambda: {"apache-airflow": now})
    report = Report("3.12", {"apache-airflow": "3.2.0"}, {}, (), 0)
    assert len(checks._with_code(Project(root), report).broken) == broken


def test_other_words_for_what_is_broken_today_are_no_new_problem() -> None:
    today = [Problem(Kind.parse, "dags/a.py:3", "one"), Problem(Kind.dbt, "dbt", "10:00 error")]
    there = [
        Problem(Kind.parse, "dags/a.py:4", "other"),
        Problem(Kind.dbt, "dbt", "10:01 error"),
        Problem(Kind.parse, "dags/b.py:3", "one"),
    ]
    assert [one.where for one in marked(there, today) if not one.today] == ["dags/b.py:3"]
    error = "ImportError: cannot import name 'x' from 'airflow.y' (/tmp/e/lib/airflow/y.py)"
    assert _line(error) == "ImportError: cannot import name 'x' from 'airflow.y'"


OF_AN_IMAGE = ["apache-airflow", "apache-airflow-providers-postgres", "apache-airflow-providers-standard"]


@pytest.mark.parametrize(
    ("text", "added"),
    [
        ("pandas\n", OF_AN_IMAGE),
        ("penstock[airflow]\n", []),
        ("# ours\napache-airflow==3.1.0\n", []),
        ("-r other.txt\n", []),
    ],
)
def test_airflow_of_an_image_is_part_of_the_requirements(root: Path, text: str, added: list[str]) -> None:
    (root / "requirements.txt").write_text(text)
    pin = requirements.wanted(Project(root), None, root)[1]
    assert pin.read_text().split() == added
