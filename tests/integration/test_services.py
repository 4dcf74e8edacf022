"""Services on demand: what every one of them does, with the real object store."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psutil
import pytest
from tests.commands import forked
from tests.ports import reserved_port
from tests.waiting import halt, kill

from penstock import lookup
from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed, PenstockError
from penstock.project import Project
from penstock.stack import processes, services
from penstock.stack.daemon import answers

NAMES = ("objects", "sandbox")


def pid(project: Project, name: str = "objects") -> int | None:
    return services.status(project, name).pid


def ensure(project: Project, name: str = "objects") -> Connection:
    found = lookup.embedded(name, project)
    assert found is not None
    return found


def penstock(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [forked(), *arguments],
        env={**os.environ, "PENSTOCK_PROJECT": str(project.root)},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("name", NAMES)
def test_started_twice_is_one_process_and_killed_is_started_again(project: Project, name: str) -> None:
    assert services.status(project, name).state == "absent"
    first = ensure(project, name)
    before = pid(project, name)
    assert before is not None
    assert (ensure(project, name), pid(project, name)) == (first, before)
    assert services.status(project, name).state == "running"

    kill(before)
    second = ensure(project, name)
    assert replace(second, port=first.port) == first  # the same keys
    # And the same port, unless another program's connection has it by now.
    taken = {found.laddr[1] for found in psutil.net_connections("tcp") if found.laddr}
    assert second.port == first.port or first.port in taken
    after = pid(project, name)
    assert after not in (None, before)

    assert services.stop(project, name) is True
    assert services.stop(project, name) is False
    assert services.status(project, name).state == "stopped"
    assert processes.identify(after or 0) is None


def test_many_callers_at_once_start_one_process(project: Project) -> None:
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: ensure(project), range(6)))
    assert len({repr(one) for one in found}) == 1
    mark = {"PENSTOCK_SERVICE": str(project.state_dir / "services" / "objects.json")}
    running = [one.pid for one in psutil.process_iter() if has(one, mark)]
    assert running == [pid(project)]


def has(process: psutil.Process, variables: dict[str, str]) -> bool:
    try:
        return variables.items() <= process.environ().items()
    except psutil.Error:
        return False


def test_one_that_nobody_remembers_is_ended(project: Project) -> None:
    """Whoever started it was killed before it could write that down, or the clone was removed and made again."""
    ensure(project)
    orphan = pid(project)
    (project.state_dir / "services" / "objects.json").unlink()
    ensure(project)
    assert pid(project) != orphan
    assert processes.identify(orphan or 0) is None


def test_one_that_hangs_is_told_and_replaced(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.stack.daemon._ANSWER_TIMEOUT_S", 0.3)
    monkeypatch.setattr("penstock.stack.on_demand.GRACE_S", 0.3)
    ensure(project)
    before = pid(project)
    assert before is not None
    halt(before)
    assert services.status(project, "objects").state == "unready"
    ensure(project)
    assert pid(project) not in (None, before)
    assert processes.identify(before) is None


def test_it_is_no_child_of_whoever_started_it(project: Project) -> None:
    ensure(project)
    found = psutil.Process(pid(project))
    assert found.ppid() != os.getpid()
    assert os.getsid(found.pid) == found.pid
    myself = processes.identify(os.getpid())
    assert myself is not None
    assert found.pid not in processes.family(myself)


def test_a_port_that_was_asked_for_and_is_taken_is_named(project: Project) -> None:
    with reserved_port() as port:
        toml = project.root / "penstock.toml"
        toml.write_text(toml.read_text().replace("objects = 0", f"objects = {port}"))
        with (
            socket.create_server(("127.0.0.1", port)),
            pytest.raises(
                ConnectionFailed, match=rf"port {port} on 127.0.0.1 is in use by process {os.getpid()}"
            ),
        ):
            ensure(project)
        assert ensure(project).extra["endpoint_url"] == f"http://127.0.0.1:{port}"


def test_a_port_of_its_own_choice_that_is_taken_meanwhile_is_left(project: Project) -> None:
    before = ensure(project)
    services.stop(project, "objects")
    port = services.status(project, "objects").port
    with socket.socket() as busy:
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        busy.bind(("127.0.0.1", port or 0))
        busy.listen()
        moved = ensure(project)
        assert moved.extra["endpoint_url"] != before.extra["endpoint_url"]
        assert moved.password == before.password
    services.stop(project, "objects")
    assert ensure(project) == moved


def test_nothing_but_this_machine_reaches_it_and_no_secret_is_seen(project: Project) -> None:
    for name in NAMES:
        ensure(project, name)
        found = psutil.Process(pid(project, name))
        held = [one for one in found.net_connections(kind="inet") if one.status == psutil.CONN_LISTEN]
        assert {one.laddr.ip for one in held} == {"127.0.0.1"}
    connection = ensure(project)
    assert connection.password is not None
    secret = connection.password.reveal()
    log = (project.state_dir / "logs" / "objects.log").read_text()
    assert secret not in f"{psutil.Process(pid(project)).cmdline()}{connection!r}{log}"
    for path in ("services/objects.json", "logs/objects.log"):
        assert stat.S_IMODE((project.state_dir / path).stat().st_mode) == 0o600
    assert (
        json.loads((project.state_dir / "services" / "objects.json").read_text())["keys"]["secret_key"]
        == secret
    )


def test_a_damaged_record_and_a_program_that_ends_at_once_are_told(project: Project) -> None:
    (project.make_state_dir("services") / "objects.json").write_text("{")
    with pytest.raises(PenstockError, match="damaged"):
        ensure(project)
    (project.state_dir / "services" / "objects.json").unlink()
    (project.make_state_dir("logs")).joinpath("objects.log").write_text("")
    project.state_dir.joinpath("objects").write_text("no directory")
    with pytest.raises(PenstockError, match="is a file, but"):
        ensure(project)


def test_penstock_stop_ends_it_and_status_and_logs_show_it(project: Project) -> None:
    assert penstock(project, "db", "start", "objects").stdout.startswith("objects: running on 127.0.0.1:")
    shown = json.loads(penstock(project, "status", "--json").stdout)
    (one,) = [part for part in shown if part["name"] == "objects"]
    assert (one["state"], one["pid"]) == ("healthy", pid(project))
    assert one["memory_bytes"] > 1_000_000
    listed = json.loads(penstock(project, "db", "status", "--json").stdout)
    assert [(found["name"], found["state"]) for found in listed][2:] == [("objects", "running")]
    assert "Starting s3 server" in penstock(project, "logs", "objects").stdout
    before = pid(project)
    assert penstock(project, "stop").stdout.startswith("stopped in")
    assert processes.identify(before or 0) is None
    assert penstock(project, "stop").stdout == "nothing was running\n"
    wrong = penstock(project, "db", "start", "nobody")
    assert (wrong.returncode, "there are: source, warehouse, objects, sandbox" in wrong.stderr) == (2, True)
    assert penstock(project, "db", "psql", "objects").stderr.startswith("error: no embedded server")


def test_buckets_are_directories_that_survive(project: Project) -> None:
    connection = ensure(project)
    assert answers(connection.extra["endpoint_url"])
    found = sorted(path.name for path in (project.state_dir / "objects").iterdir())
    assert found == ["lake", "replication-bucket"]
