"""One project for all tests of a worker: its metadata database takes three seconds to make."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from tests.commands import forked
from tests.conftest import RUN_DIR, _remove, make_project, metadata_database

Done = subprocess.CompletedProcess[str]

DAGS = {
    "shop.py": '''
        """Six tasks in a row, and one that fails on a certain day."""
        from datetime import UTC, datetime
        from airflow.sdk import DAG, CronDataIntervalTimetable, task

        START = datetime(2013, 2, 1, tzinfo=UTC)

        with DAG("six", schedule="@daily", start_date=START, catchup=False):
            @task
            def add(n):
                return n + 1

            found = 0
            for number in range(6):
                found = add.override(task_id=f"t{number}")(found)

        daily = CronDataIntervalTimetable("0 0 * * *", timezone="UTC")
        with DAG("days", schedule=daily, start_date=START, catchup=False, default_args={"retries": 3}):
            @task
            def read(ds, data_interval_start, data_interval_end, params):
                print("reads", data_interval_start, "to", data_interval_end, params)
                return ds

            @task
            def check(day):
                if day == "2013-02-03":
                    raise ValueError("no sales on " + day)
                return day

            @task
            def after(day): ...

            after(check(read()))
    ''',
    "mapped.py": """
        from airflow.sdk import DAG, task

        with DAG("mapped", schedule=None):
            @task
            def many():
                return [1, 2, 3]

            @task
            def twice(number):
                return number * 2

            @task(map_index_template="{{ params_of_it }}")
            def named(number):
                from airflow.sdk import get_current_context

                get_current_context()["params_of_it"] = f"number {number}"

            @task
            def total(numbers):
                from airflow.sdk import Variable

                print("the token is", Variable.get("api_token", default="none"))
                print("found", sum(numbers))

            total(twice.expand(number=many()))
            named.expand(number=[8, 9])
    """,
    "copies.py": """
        from airflow.sdk import DAG, task
        from penstock.airflow.copy_operator import CopyOperator

        with DAG("copies", schedule=None):
            CopyOperator(task_id="copy", source="{{ params.file }}", target="dwh:public.pens", mode="replace",
                         params={"file": ""})
    """,
    "sleeps.py": """
        from airflow.sdk import DAG, task

        with DAG("sleeps", schedule=None):
            @task.bash
            def sleep():
                return "touch $PENSTOCK_PROJECT/sleeps; exec sleep 71"
            sleep()
    """,
}


@dataclass(frozen=True)
class Shop:
    """The project, and how the command is run in it."""

    root: Path

    def command(self, *words: str, **variables: str) -> Done:
        return subprocess.run(
            [forked(), *words],
            cwd=self.root,
            env=os.environ | {"PENSTOCK_PROJECT": str(self.root)} | variables,
            capture_output=True,
            text=True,
        )

    def events(self, *words: str, **variables: str) -> list[dict[str, Any]]:
        """What `penstock run --json` prints."""
        done = self.command("run", "--json", *words, **variables)
        assert "Traceback" not in done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def log(self, dag: str, run: str, task: str) -> str:
        return (self.root / ".penstock" / "logs" / "run" / dag / run / f"{task}.log").read_text()


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    project = make_project(Path(os.environ[RUN_DIR], secrets.token_hex(4)))
    (project.root / "dags").mkdir()
    for name, text in DAGS.items():
        (project.root / "dags" / name).write_text(dedent(text))
    with metadata_database(project.root):
        yield Shop(project.root)
    _remove(project.root)
