"""Settings of the stack: valid ones, errors, and Airflow's environment."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
from pathlib import Path

import pytest

from penstock.model.connection import Secret
from penstock.model.errors import ConnectionFailed, PenstockError, UsageError
from penstock.project import Project
from penstock.stack import airflow_credentials
from penstock.stack.airflow_env import BACKEND, airflow_environment
from penstock.stack.port_config import Options, read_options, require_free
from penstock.stack.postgres import server
from penstock.stack.processes import Identity
from penstock.stack.state_file import request_restart, taken_requests
from penstock.stack.status import Reader


@pytest.fixture
def here(tmp_path: Path) -> Project:
    return Project(tmp_path)


def ask(project: Project, text: str) -> Options:
    (project.root / "penstock.toml").write_text(text)
    return read_options(project)


def test_by_default_airflow_answers_this_machine_on_5884(here: Project) -> None:
    assert read_options(here) == Options("127.0.0.1", 5884, {}, seed=True)


def test_wishes(here: Project) -> None:
    stack = '[stack]\nhost = "0.0.0.0"\nseed = false\nhang_after_s = 90\n'
    options = ask(here, f"{stack}[stack.ports]\nairflow = 0\n[stack.airflow]\nCORE__PARALLELISM = 16\n")
    assert options == Options("0.0.0.0", 0, {"CORE__PARALLELISM": "16"}, seed=False, hang_s=90.0)
    assert (options.is_local, options.own_host) == (False, "127.0.0.1")


@pytest.mark.parametrize(
    "text",
    [
        '[stack]\nhost = "nowhere"',
        "[stack]\nairflow = 1",
        "[stack.airflow]\nparallelism = 1",
        '[stack.ports]\nairflow = "x"',
        "[stack]\nhang_after_s = 1",
        "[stack]\nhang_after_s = true",
    ],
)
def test_senseless_wishes(here: Project, text: str) -> None:
    with pytest.raises(UsageError, match=r"penstock\.toml"):
        ask(here, text)


def test_other_machines_only_with_a_password_of_ones_own(here: Project) -> None:
    everyone = Options("0.0.0.0", 5884)
    airflow_credentials.require_safe(here, Options("127.0.0.1", 5884))
    assert airflow_credentials.shown_login(here) == "airflow / airflow"
    with pytest.raises(UsageError, match="default"):
        airflow_credentials.require_safe(here, everyone)
    airflow_credentials.passwords_file(here).write_text('{"airflow": "of my own"}')
    airflow_credentials.require_safe(here, everyone)
    assert "of my own" not in airflow_credentials.shown_login(here)


@pytest.mark.parametrize("by", ["penstock.toml", "the caller"])
def test_other_machines_only_with_a_password_at_all(
    here: Project, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    airflow_credentials.passwords_file(here).write_text('{"airflow": "of my own"}')
    setting = "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"
    if by == "the caller":
        monkeypatch.setenv(f"AIRFLOW__{setting}", "True")
    chosen = {setting: "true"} if by == "penstock.toml" else {}
    with pytest.raises(UsageError, match="without a password"):
        airflow_credentials.require_safe(here, Options("0.0.0.0", 5884, chosen))
    airflow_credentials.require_safe(here, Options("127.0.0.1", 5884, chosen))


@pytest.mark.parametrize("hosts", ["'x'", "[1]", "['']"])
def test_invalid_hosts(here: Project, hosts: str) -> None:
    (here.root / "penstock.toml").write_text(f"[stack]\nhosts = {hosts}\n")
    with pytest.raises(UsageError, match=r"invalid stack\.hosts"):
        read_options(here)


def test_keys_are_made_once_and_for_the_owner_alone(here: Project) -> None:
    first = airflow_credentials.keys(here)
    assert airflow_credentials.keys(here) == first
    assert len(set(first.values())) == 3
    for name in ("keys.json", "passwords.json"):
        airflow_credentials.passwords_file(here)
        assert (here.state_dir / "airflow" / name).stat().st_mode & 0o777 == 0o600
    (here.state_dir / "airflow" / "keys.json").write_text("{")
    with pytest.raises(PenstockError, match="damaged"):
        airflow_credentials.keys(here)


def test_what_airflow_is_told(here: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    server.save(here, server.Server("metadata", 5435, Secret("p@ss"), here.root / "metadata"))
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "3")
    monkeypatch.setenv("AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME", "1")
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "sqlite:////elsewhere.db")
    monkeypatch.setenv("PENSTOCK_ENV", "prod")
    output = airflow_environment(here, Options("127.0.0.1", 6000, {"CORE__PARALLELISM": "16"}))
    assert output["AIRFLOW__CORE__PARALLELISM"] == "16"
    assert output["AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME"] == "1"
    url = subprocess.check_output(shlex.split(output["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD"]), text=True)
    assert url.endswith("penstock:p%40ss@127.0.0.1:5435/airflow")
    secret = {"p%40ss", *airflow_credentials.keys(here).values(), "elsewhere"}
    assert not [name for name, value in output.items() for one in secret if one in value]
    assert {path.stat().st_mode & 0o777 for path in (here.state_dir / "airflow" / "secrets").iterdir()} == {
        0o600
    }
    assert output["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:6000/execution/"
    assert output["PYTHONPATH"].split(os.pathsep)[0] == str(here.root)
    for section in ("SECRETS__", "WORKERS__SECRETS_"):
        assert output[f"AIRFLOW__{section}BACKEND"] == BACKEND
        kwargs = json.loads(output[f"AIRFLOW__{section}BACKEND_KWARGS"])
        assert kwargs == {"project": str(here.root), "environment": "prod"}


def test_a_taken_port_is_named_with_its_holder() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(
            ConnectionFailed, match=f"port {port} .* is in use by process {os.getpid()} "
        ) as caught:
            require_free("127.0.0.1", port, "[stack.ports] airflow")
        assert "[stack.ports] airflow" in str(caught.value.hint)
    require_free("127.0.0.1", port, "[stack.ports] airflow")


def test_a_request_is_answered_once(here: Project) -> None:
    assert taken_requests(here) == []
    request_restart(here, Identity(os.getpid(), "another boot:1"), "scheduler")
    assert taken_requests(here) == ["scheduler"]
    assert taken_requests(here) == []


def test_the_last_lines_and_those_that_come(tmp_path: Path) -> None:
    first, second = tmp_path / "a.log", tmp_path / "b.log"
    first.write_text("1\n2\n3\nhal")
    reader = Reader({"a": first, "b": second}, last=2)
    lines = reader.lines(follow=True)
    assert [next(lines), next(lines)] == [("a", "2"), ("a", "3")]
    first.write_text("1\n2\n3\nhalf\n")
    assert next(lines) == ("a", "half")
    second.write_text("later\n")
    assert next(lines) == ("b", "later")
    first.write_text("again\n")
    assert next(lines) == ("a", "again")
