"""Helpers for tests with a running stack: commands, Airflow's REST API, and processes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from typing import Any

import psutil
from tests import waiting
from tests.commands import forked

from penstock.project import Project
from penstock.stack import state_file
from penstock.stack.processes import family


def penstock(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [forked(), *arguments],
        env=os.environ | {"PENSTOCK_PROJECT": str(project.root)},
        capture_output=True,
        text=True,
        timeout=200,
    )


def states(project: Project) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(penstock(project, "status", "--json").stdout)}


def until(condition: Callable[[], Any], timeout_s: float = 120) -> Any:
    """Wait for a stack: longer than for what is one process, and with fewer questions."""
    return waiting.until(condition, timeout_s, pause_s=0.2)


def call(
    url: str, body: dict[str, Any] | None = None, token: str | None = None, method: str | None = None
) -> Any:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, data, headers, method=method), timeout=60
        ) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def log_in(url: str, password: str) -> Any:
    return call(f"{url}/auth/token", {"username": "airflow", "password": password})


ENDED = ("success", "failed")


class Airflow:
    """The REST API of a project's running stack, as used with its login."""

    def __init__(self, project: Project) -> None:
        found = state_file.load(project)
        assert found is not None
        self.project = project
        self.url = found.address("api-server") or ""
        self._token = log_in(self.url, "airflow")["access_token"]

    def ask(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
        return call(f"{self.url}/api/v2/{path}", body, self._token, method)

    def unpause(self, dag: str) -> None:
        """Let the scheduler run it, once it has been seen."""
        until(lambda: isinstance(self.ask(f"dags/{dag}", {"is_paused": False}, "PATCH"), dict), 60)

    def trigger(self, dag: str, **conf: Any) -> dict[str, Any]:
        """Run it now, and wait for its end."""
        self.unpause(dag)
        run = self.ask(f"dags/{dag}/dagRuns", {"logical_date": None, "conf": conf})
        place = f"dags/{dag}/dagRuns/{run['dag_run_id']}"
        return dict(until(lambda: (got := self.ask(place))["state"] in ENDED and got, 90))

    def runs(self, dag: str, **filters: str) -> list[dict[str, Any]]:
        """Its runs, in the order of their logical dates."""
        words = "".join(f"&{name}={value}" for name, value in filters.items())
        return list(self.ask(f"dags/{dag}/dagRuns?order_by=logical_date{words}")["dag_runs"])

    def ended_runs(self, dag: str, count: int, **filters: str) -> list[dict[str, Any]]:
        """The same, after this many have ended."""

        def ended() -> list[dict[str, Any]]:
            return [run for run in self.runs(dag, **filters) if run["state"] in ENDED]

        until(lambda: len(ended()) >= count, 90)
        return self.runs(dag, **filters)

    def xcom(self, run: dict[str, Any], task: str, key: str = "return_value") -> Any:
        """What a task of the run pushed under a key."""
        place = f"dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances/{task}/xcomEntries/{key}"
        return self.ask(place)["value"]


def addresses(pids: Iterable[int]) -> set[str]:
    """The addresses at which these processes can be called, over TCP or UDP."""
    found = set()
    for pid in pids:
        try:
            held = psutil.Process(pid).net_connections(kind="inet")
        except psutil.NoSuchProcess:  # a short-lived child
            continue
        for one in held:
            # An unbound socket has no such address.
            here, there = (getattr(end, "ip", None) for end in (one.laddr, one.raddr))
            if one.status in (psutil.CONN_LISTEN, psutil.CONN_NONE) and here and there is None:
                found.add(here)
    return found


def mentioning(project: Project) -> list[str]:
    """Processes that have anything to do with the project, by their arguments or variables."""
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # gone meanwhile; nothing else is out of a test's sight
            words = " ".join(one.cmdline())
            if one.status() != psutil.STATUS_ZOMBIE and str(project.root) in f"{words} {one.environ()}":
                found.append(words)
    return found


def everyone(project: Project) -> list[int]:
    """The processes of the stack, its supervisor and all children included."""
    found = state_file.load(project)
    assert found is not None
    return [pid for process in (found.supervisor, *found.processes()) for pid in family(process)]
