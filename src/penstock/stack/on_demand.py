"""Services that a project runs on demand: the object store and the sandbox.

The first command that needs a service starts it detached, in its own session, and it runs until it is stopped. Its
port, keys and process are stored in a file that only this account can read.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from penstock.model.connection import Connection, Secret
from penstock.model.errors import ConnectionFailed, PenstockError
from penstock.project import Project, write_private
from penstock.stack import processes
from penstock.stack.daemon import answers, is_listening, launch, orphans
from penstock.stack.lock import locked
from penstock.stack.port_config import asks_for, free_port, require_free
from penstock.stack.postgres.server import HOST
from penstock.stack.process_runner import last_line
from penstock.stack.processes import Identity, is_alive
from penstock.state_dir import broken_state

STATE = "services"
START_TIMEOUT_S = 30.0
GRACE_S = 3.0
ATTEMPTS = 3  # another program may take the port between the check and the start
_POLL_S = 0.03


@dataclass(frozen=True, slots=True)
class Running:
    """The stored state of a service: port, keys and process.

    Args:
        keys: Keys by name, generated once.
        process: The process started last; it may have ended.
    """

    port: int = 0
    keys: Mapping[str, Secret] = field(default_factory=dict)
    process: Identity | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """The definition of a service.

    Args:
        name: Name of the service, of its connection, and of its port in `[stack.ports]`.
        port: Preferred port. If it is in use, the next free one in steps of ten, unless `penstock.toml` sets the port.
        package: The service is unknown if this package is not installed.
        command: Returns the full path of the program, and its arguments.
        connection: Returns the connection to the service.
        environment: Returns variables to add to the caller's.
        keys: Names of the secrets to generate once.
        prepare: Called before each start, such as to create directories.
        path: HTTP path that answers with a status below 500 when the service is ready.
    """

    name: str
    port: int
    package: str
    command: Callable[[Project, Running], Sequence[str]]
    connection: Callable[[Running], Connection]
    environment: Callable[[Project, Running], Mapping[str, str]] = lambda *_: {}
    keys: tuple[str, ...] = ()
    prepare: Callable[[Project], None] = lambda _: None
    path: str = "/"

    def is_up(self, found: Running) -> bool:
        """Whether the service's own process answers."""
        return is_alive(found.process) and answers(f"http://{HOST}:{found.port}{self.path}")


def ensure(project: Project, service: Service) -> Connection:
    """Start the service unless it is running, and return its connection.

    Idempotent, and safe for concurrent processes.

    Raises:
        ConnectionFailed: The service does not start; the message ends with the last line of its log, or with the
            process that uses its port.
        PenstockError: The state directory belongs to another account, or is damaged.
        UsageError: The port in `penstock.toml` is invalid.
    """
    found = load(project, service)
    if not service.is_up(found):
        with locked(project, STATE, f"{service.name}.lock"):
            found = _started(project, service)
    return service.connection(found)


def stop(project: Project, service: Service) -> bool:
    """Stop the service; return False if it was not running.

    Raises:
        PenstockError: The service's stored state is damaged.
    """
    if not _record(project, service).exists():
        return False
    with locked(project, STATE, f"{service.name}.lock"):
        found = load(project, service)
        if found.process is None:
            return False
        ended = processes.end([found.process], GRACE_S)
        _save(project, service, replace(found, process=None))
    return ended


def log_of(project: Project, service: Service) -> Path:
    """Return the path of the service's log."""
    return project.state_dir / "logs" / f"{service.name}.log"


def load(project: Project, service: Service) -> Running:
    """Load the stored state of the service; empty if it never ran.

    Raises:
        PenstockError: The state belongs to another account, or is damaged.
    """
    path = _record(project, service)
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        process = None if record["process"] is None else Identity(**record["process"])
        keys = {str(name): Secret(str(key)) for name, key in record["keys"].items()}
        return Running(int(record["port"]), keys, process)
    except (FileNotFoundError, NotADirectoryError):
        return Running()
    except PermissionError as error:
        raise broken_state(error) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PenstockError(
            f"{path} is damaged, so the keys of {service.name!r} are lost",
            hint=f"remove {path} to generate new keys",
        ) from error


def _save(project: Project, service: Service, found: Running) -> None:
    project.make_state_dir(STATE)
    record = {
        "port": found.port,
        "keys": {name: key.reveal() for name, key in found.keys.items()},
        "process": None if found.process is None else asdict(found.process),
    }
    write_private(_record(project, service), json.dumps(record) + "\n")


def _started(project: Project, service: Service) -> Running:
    """Start the service and return its state. The caller holds the lock."""
    found = load(project, service)
    if service.is_up(found):
        return found
    # A live process that does not answer hangs; one without stored state was started by a command that was killed.
    left = orphans(_mark(project, service))
    processes.end([*([found.process] if found.process else []), *left], GRACE_S)
    found = replace(found, keys=_keys(service, found))
    service.prepare(project)
    for _ in range(ATTEMPTS):
        found = replace(found, port=_port(project, service, found.port))
        found = _launched(project, service, found)
        if _came_up(service, found):
            return found
        processes.end([found.process] if found.process else [], GRACE_S)
    log = log_of(project, service)
    raise ConnectionFailed(f"{service.name!r} does not start: {last_line(log)}", hint=f"see {log}")


def _launched(project: Project, service: Service, found: Running) -> Running:
    process = launch(
        project,
        service.command(project, found),
        {**service.environment(project, found), **_mark(project, service)},
        log_of(project, service),
    )
    found = replace(found, process=process)
    _save(project, service, found)
    return found


def _came_up(service: Service, found: Running) -> bool:
    deadline = time.monotonic() + START_TIMEOUT_S
    while is_alive(found.process) and time.monotonic() < deadline:
        assert found.process is not None
        # Another program may have taken the port a moment ago.
        if is_listening(found.process, found.port) and service.is_up(found):
            return True
        time.sleep(_POLL_S)
    return False


def _keys(service: Service, found: Running) -> Mapping[str, Secret]:
    return {name: found.keys.get(name) or Secret(secrets.token_hex(20)) for name in service.keys}


def _port(project: Project, service: Service, remembered: int) -> int:
    asked = asks_for(project, service.name)
    if asked:
        require_free(HOST, asked, f"[stack.ports] {service.name}")
        return asked
    return free_port(remembered, service.port if asked is None else 0)


def _mark(project: Project, service: Service) -> Mapping[str, str]:
    return {"PENSTOCK_SERVICE": str(_record(project, service))}


def _record(project: Project, service: Service) -> Path:
    return project.state_dir / STATE / f"{service.name}.json"
