"""The real stack, once: up, used, killed, up again, gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from penstock.project import Project
from penstock.stack import record
from penstock.stack.processes import family, is_alive

DAG = """
from airflow.sdk import DAG, task

with DAG("asks_source", schedule=None, is_paused_upon_creation=False):
    @task
    def count() -> int:
        from airflow.providers.postgres.hooks.postgres import PostgresHook
        return PostgresHook("source").get_first("SELECT count(*) FROM product")[0]
    count()
"""


def penstock(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "penstock", *arguments],
        env=os.environ | {"PENSTOCK_PROJECT": str(project.root)},
        capture_output=True,
        text=True,
        timeout=100,
    )


def states(project: Project) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(penstock(project, "status", "--json").stdout)}


def until(condition: Callable[[], Any], timeout_s: float = 40) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def call(url: str, body: dict[str, Any] | None = None, token: str | None = None) -> Any:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=20) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def log_in(url: str, password: str) -> Any:
    return call(f"{url}/auth/token", {"username": "airflow", "password": password})


def run_the_dag(url: str) -> Any:
    """Trigger the DAG, and say what its task returned."""
    token = log_in(url, "airflow")["access_token"]
    dag = f"{url}/api/v2/dags/asks_source"
    run = until(
        lambda: isinstance(got := call(f"{dag}/dagRuns", {"logical_date": None}, token), dict) and got
    )
    place = f"{dag}/dagRuns/{run['dag_run_id']}"
    ended = ("success", "failed")
    assert until(lambda: (got := call(place, token=token)["state"]) in ended and got) == "success"
    return call(f"{place}/taskInstances/count/xcomEntries/return_value", token=token)["value"]


def listening(pids: list[int]) -> set[str]:
    found = set()
    for pid in pids:
        for one in psutil.Process(pid).net_connections(kind="inet"):
            if one.status == psutil.CONN_LISTEN and one.laddr:
                found.add(one.laddr.ip)
    return found


def kill_the_supervisor(project: Project) -> None:
    os.kill(states(project)["supervisor"]["pid"], signal.SIGKILL)
    until(lambda: states(project)["scheduler"]["state"] == "unsupervised")


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_up_used_killed_and_gone(project: Project) -> None:
    (project.root / "dags").mkdir()
    (project.root / "dags" / "asks.py").write_text(DAG)
    started = penstock(project, "start")
    assert started.returncode == 0, started.stdout + started.stderr
    assert "login airflow / airflow" in started.stdout

    found = record.load(project)
    assert found is not None
    parts = states(project)
    assert {one["state"] for one in parts.values()} == {"healthy"}
    assert penstock(project, "status").returncode == 0
    everyone = [pid for process in found.processes() for pid in family(process)]
    assert listening(everyone) == {"127.0.0.1"}
    for path in ("airflow/keys.json", "airflow/passwords.json", "stack/record.json", "logs/scheduler.log"):
        assert (project.state_dir / path).stat().st_mode & 0o077 == 0, path

    again = penstock(project, "start")
    assert (again.returncode, again.stdout.splitlines()[0]) == (0, "the stack runs already")
    assert states(project)["supervisor"]["pid"] == parts["supervisor"]["pid"]

    url = found.address("api-server")
    assert url is not None
    assert log_in(url, "wrong") == 401
    assert run_the_dag(url) == 6

    # A part of Airflow and a server die at once; both come back, and what they left is cleared away.
    scheduler = next(part.process for part in found.parts if part.name == "scheduler")
    for name in ("scheduler", "warehouse"):
        os.kill(parts[name]["pid"], signal.SIGKILL)
    until(lambda: (one := states(project)["scheduler"])["restarts"] == 1 and one["state"] == "healthy")
    fallen = until(lambda: (one := states(project)["warehouse"])["state"] == "healthy" and one)
    assert fallen["restarts"] == 1
    assert states(project)["scheduler"]["reason"] == "killed by SIGKILL"
    assert family(scheduler) == []  # type: ignore[arg-type]  # the record was complete

    # The supervisor dies and all goes on unwatched. The next start ends what it left, but not the servers, and says so.
    kill_the_supervisor(project)
    before = states(project)
    recovered = penstock(project, "start")
    assert recovered.returncode == 0, recovered.stdout + recovered.stderr
    left_behind = "api-server, scheduler, dag-processor, triggerer"
    assert recovered.stdout.splitlines()[0].endswith(f"broke off; ended what it left: {left_behind}")
    after = states(project)
    assert {one["state"] for one in after.values()} == {"healthy"}
    assert [after[name]["pid"] == before[name]["pid"] for name in ("source", "scheduler")] == [True, False]

    # It dies once more: `stop` finds everything without it.
    kill_the_supervisor(project)
    last = record.load(project)
    assert last is not None
    left = [one for process in last.processes() for one in family(process)]
    began = time.monotonic()
    assert penstock(project, "stop").returncode == 0
    assert time.monotonic() - began < 10  # measured alone: 3.5
    assert not any(is_alive(process) for process in last.processes())
    assert not [
        pid
        for pid in left
        if Path("/proc", str(pid), "cmdline").exists() and psutil.Process(pid).status() != "zombie"
    ]
    assert penstock(project, "stop").stdout == "nothing was running\n"
    assert {one["state"] for one in states(project).values()} == {"stopped"}
