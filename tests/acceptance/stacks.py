"""What tests do with a running stack: commands, Airflow's REST API, and looking at its processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from typing import Any

import psutil

from penstock.project import Project
from penstock.stack import record
from penstock.stack.processes import family


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


def addresses(pids: Iterable[int]) -> set[str]:
    """The addresses at which these processes can be called, over TCP or UDP."""
    found = set()
    for pid in pids:
        for one in psutil.Process(pid).net_connections(kind="inet"):
            # A socket that is bound to nothing, or to nobody, has no such address.
            here, there = (getattr(end, "ip", None) for end in (one.laddr, one.raddr))
            if one.status in (psutil.CONN_LISTEN, psutil.CONN_NONE) and here and there is None:
                found.add(here)
    return found


def everyone(project: Project) -> list[int]:
    """The processes of the stack, its supervisor and all children included."""
    found = record.load(project)
    assert found is not None
    return [pid for process in (found.supervisor, *found.processes()) for pid in family(process)]
