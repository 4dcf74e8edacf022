"""The real stack, once: up, used, killed, up again, gone."""

from __future__ import annotations

import os
import signal
from typing import Any
from unittest.mock import ANY

import httpx
import pytest
from tests.acceptance.stacks import (
    Airflow,
    addresses,
    call,
    everyone,
    log_in,
    mentioning,
    penstock,
    states,
    until,
)

from penstock.project import Project
from penstock.stack import services, state_file
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


# So that the test does not wait for a minute; Airflow's parts give a sign of life every second then.
IMPATIENT = """
[stack]
hang_after_s = 25

[stack.airflow]
SCHEDULER__SCHEDULER_HEARTBEAT_SEC = 1
SCHEDULER__JOB_HEARTBEAT_SEC = 1
"""


def in_an_empty_directory(project: Project) -> None:
    """What `penstock init` makes, with the tests' ports."""
    toml = project.root / "penstock.toml"
    ours = toml.read_text().partition("\n\n")[2]
    toml.unlink()
    made = penstock(project, "init", str(project.root))
    assert made.returncode == 0, made.stdout + made.stderr
    toml.write_text(toml.read_text().partition("[stack")[0] + ours)
    (project.root / "dags" / "asks.py").write_text(DAG)


def pids(project: Project) -> dict[str, int]:
    return {name: one["pid"] for name, one in states(project).items() if name not in services.SERVICES}


def ports(project: Project) -> list[str]:
    return [one["address"].rpartition(":")[2] for one in states(project).values() if one["address"]]


def kill_the_supervisor(project: Project) -> None:
    os.kill(states(project)["supervisor"]["pid"], signal.SIGKILL)
    until(lambda: states(project)["scheduler"]["state"] == "unsupervised")


@pytest.mark.timeout(600)
def test_up_used_killed_and_gone(project: Project, gallery: Airflow) -> None:
    beside = pids(gallery.project)  # another project's stack, which none of this touches
    in_an_empty_directory(project)
    ran = penstock(project, "run", "hello", "--date", "2013-02-03")
    assert ran.returncode == 0, ran.stdout + ran.stderr

    started = penstock(project, "start")
    assert started.returncode == 0, started.stdout + started.stderr
    assert "login airflow / airflow" in started.stdout

    found = state_file.load(project)
    assert found is not None
    parts = states(project)
    assert {one["state"] for one in parts.values()} == {"healthy"}
    assert penstock(project, "status").returncode == 0
    assert addresses(everyone(project)) == {"127.0.0.1"}
    for path in ("airflow/keys.json", "airflow/passwords.json", "stack/record.json", "logs/scheduler.log"):
        assert (project.state_dir / path).stat().st_mode & 0o077 == 0, path

    again = penstock(project, "start")
    assert (again.returncode, again.stdout.splitlines()[0]) == (0, "the stack is already running")
    assert states(project)["supervisor"]["pid"] == parts["supervisor"]["pid"]

    # The record is damaged, then lost: the supervisor writes it again.
    written = project.state_dir / state_file.STATE / state_file.FILE
    written.write_text("{")
    assert states(project)["supervisor"] == parts["supervisor"] | {"memory_bytes": ANY}
    written.unlink()
    assert penstock(project, "start").stdout.splitlines()[0] == "the stack is already running"

    assert set(ports(project)).isdisjoint(ports(gallery.project))

    refused = penstock(project, "db", "stop")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("error: the running stack would restart source and warehouse")

    url = found.address("api-server")
    assert url is not None
    assert log_in(url, "wrong") == 401
    for name, status in (("localhost", 200), ("[::1]:1", 200), ("rebound.example", 400)):
        assert httpx.get(f"{url}/api/v2/version", headers={"Host": name}).status_code == status, name
    assert run_the_dag(url) == 6
    days = ("--from", "2013-01-29", "--to", "2013-01-30")  # it begins on 1 February
    filled = penstock(project, "backfill", "hello", *days, "--unpause", "--json")
    assert filled.returncode == 0, filled.stdout + filled.stderr
    runs = Airflow(project).runs("hello", run_type="backfill")
    assert [(run["logical_date"][:10], run["state"]) for run in runs] == [
        ("2013-01-29", "success"),
        ("2013-01-30", "success"),
    ]

    # A part of Airflow and a server die at once; both come back, and what they left is cleared away.
    scheduler = next(part.process for part in found.parts if part.name == "scheduler")
    for name in ("scheduler", "warehouse"):
        os.kill(parts[name]["pid"], signal.SIGKILL)
    until(lambda: (one := states(project)["scheduler"])["restarts"] == 1 and one["state"] == "healthy")
    until(lambda: (one := states(project)["warehouse"])["restarts"] == 1 and one["state"] == "healthy")
    assert states(project)["scheduler"]["reason"] == "killed by SIGKILL"
    assert family(scheduler) == []  # type: ignore[arg-type]  # the record was complete

    # The supervisor dies, and its processes continue. The next start stops them, except the servers, and says so.
    kill_the_supervisor(project)
    before = states(project)
    recovered = penstock(project, "start")
    assert recovered.returncode == 0, recovered.stdout + recovered.stderr
    left_behind = "api-server, scheduler, dag-processor, triggerer"
    assert recovered.stdout.splitlines()[0].endswith(
        f"the previous stack crashed; stopped its leftover processes: {left_behind}"
    )
    after = states(project)
    assert {one["state"] for one in after.values()} == {"healthy"}
    assert [after[name]["pid"] == before[name]["pid"] for name in ("source", "scheduler")] == [True, False]

    # It dies once more: `stop` finds everything without it.
    kill_the_supervisor(project)
    last = state_file.load(project)
    assert last is not None
    written.write_text("{")  # nor does it need the record
    assert penstock(project, "stop").returncode == 0
    assert not any(is_alive(process) for process in last.processes())
    assert until(lambda: not mentioning(project), 60), mentioning(project)
    assert penstock(project, "stop").stdout == "nothing was running\n"
    assert {one["state"] for one in states(project).values()} == {"stopped"}
    assert pids(gallery.project) == beside
    assert penstock(gallery.project, "status").returncode == 0


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_a_part_and_a_server_that_live_and_do_nothing(project: Project) -> None:
    in_an_empty_directory(project)
    toml = project.root / "penstock.toml"
    toml.write_text(toml.read_text() + IMPATIENT)
    started = penstock(project, "start")
    assert started.returncode == 0, started.stdout + started.stderr
    for name in ("scheduler", "source"):
        os.kill(states(project)[name]["pid"], signal.SIGSTOP)
    until(lambda: states(project)["scheduler"]["restarts"] == 1)
    until(lambda: {one["state"] for one in states(project).values()} == {"healthy"})
    hung = states(project)
    for name in ("scheduler", "source"):
        assert hung[name]["reason"].startswith("hung: no sign of life for ")
        assert hung[name]["restarts"] == 1
