"""Checks of a project's state: directory, keys, servers, ports, and remains of a crash."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from penstock.devtools.doctor.check_result import Finding, Level, of_error
from penstock.devtools.throwaway_databases import STATE as TESTS
from penstock.model.errors import PenstockError
from penstock.model.plurals import counted
from penstock.project import Project
from penstock.stack import services, state_file
from penstock.stack.port_config import AIRFLOW, PREFERRED_PORTS, read_options, read_wishes, require_free
from penstock.stack.postgres import server
from penstock.stack.postgres.cluster import postmaster_pid, require_readable

SERVERS = ("metadata", "source", "warehouse")
PRIVATE = ("key", "airflow/keys.json", "airflow/passwords.json", "stack/record.json", "postgres/*.json")


def examine(project: Project) -> Iterator[Finding]:
    """Yield the findings."""
    if not project.state_dir.exists():
        yield Finding(
            Level.ok, "state", f"{project.state_dir} does not exist yet; the first start creates it"
        )
    else:
        found = _directory(project)
        yield found
        if found.level is Level.wrong:  # its contents cannot be checked
            return
        yield from _private(project)
        yield from _servers(project)
        yield from _services(project)
        yield from _leftovers(project)
    yield from _ports(project)


def _directory(project: Project) -> Finding:
    path = project.state_dir
    if not path.is_dir():
        return Finding(Level.wrong, "state", f"{path} is not a directory", f"mv {path} {path}.old")
    found = path.stat()
    if found.st_uid != os.geteuid() and os.geteuid() != 0:
        return Finding(
            Level.wrong,
            "state",
            f"{path} belongs to uid {found.st_uid}, but you are uid {os.geteuid()}",
            "run Penstock as the owner, or change the owner with sudo chown -R",
        )
    if not os.access(path, os.W_OK | os.X_OK):
        return Finding(Level.wrong, "state", f"cannot write to {path}", f"chmod u+rwx {path}")
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o066:
        return Finding(
            Level.warning, "state", f"other accounts can read {path} (mode {mode:o})", f"chmod 700 {path}"
        )
    return Finding(Level.ok, "state", f"{path}, mode {mode:o}")


def _private(project: Project) -> Iterator[Finding]:
    paths = [path for pattern in PRIVATE for path in project.state_dir.glob(pattern)]
    for path in paths:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            yield Finding(
                Level.wrong, "keys", f"other accounts can read {path} (mode {mode:o})", f"chmod 600 {path}"
            )
        elif not os.access(path, os.R_OK):
            yield Finding(
                Level.wrong,
                "keys",
                f"{path} belongs to another account",
                "run Penstock as that account",
            )
    if not any(stat.S_IMODE(path.stat().st_mode) & 0o077 for path in paths):
        yield Finding(
            Level.ok, "keys", f"{counted(len(paths), 'private file')}, readable only by their owner"
        )


def _servers(project: Project) -> Iterator[Finding]:
    for name in SERVERS:
        what = f"server {name}"
        try:
            found = server.load(project, name)
            if found is None:
                continue
            require_readable(found)
        except PenstockError as error:
            yield of_error(what, error)
            continue
        except OSError as error:
            yield Finding(
                Level.wrong, what, f"cannot read {error.filename}: {error.strerror}", "check its owner"
            )
            continue
        pid = postmaster_pid(found)
        if pid is not None and not found.answers("postgres"):
            yield Finding(
                Level.wrong,
                what,
                f"process {pid} does not accept connections",
                f"penstock db stop {name}, then penstock doctor",
            )
        elif pid is None and (found.data_dir / "postmaster.pid").exists():
            yield Finding(
                Level.warning,
                what,
                "was killed and left its pid file",
                "nothing to do: the next start recovers",
            )
        else:
            yield Finding(Level.ok, what, f"running on port {found.port}" if pid else "stopped")


def _services(project: Project) -> Iterator[Finding]:
    for name in services.SERVICES:
        what = f"service {name}"
        try:
            found = services.status(project, name)
        except PenstockError as error:
            yield of_error(what, error)
            continue
        if found.state == "unready":
            yield Finding(
                Level.wrong,
                what,
                f"process {found.pid} does not answer",
                f"penstock stop, then see {found.log}",
            )
        elif found.state != "absent":
            yield Finding(
                Level.ok, what, f"running on port {found.port}" if found.state == "running" else "stopped"
            )


def _leftovers(project: Project) -> Iterator[Finding]:
    found = state_file.load(project)
    path = project.state_dir / state_file.STATE / state_file.FILE
    if found is None and path.exists():
        yield Finding(
            Level.wrong,
            "stack",
            f"{path} is damaged",
            "penstock stop ends leftover processes; a running supervisor writes the record again",
        )
    elif found is None:
        yield Finding(Level.ok, "stack", "stopped")
    elif found.is_supervised:
        yield Finding(
            Level.ok if found.is_healthy else Level.warning,
            "stack",
            "running" if found.is_healthy else "some parts are not healthy",
            None if found.is_healthy else "penstock status, penstock logs",
        )
    else:
        yield Finding(
            Level.warning,
            "stack",
            f"crashed: its supervisor {found.supervisor.pid} has ended",
            "penstock start recovers it; penstock stop ends leftover processes",
        )
    left = server.load(Project(project.state_dir / TESTS), "warehouse")
    if left is not None and (pid := postmaster_pid(left)) is not None:
        yield Finding(
            Level.warning,
            "tests",
            f"their server is still running (process {pid})",
            "the next penstock test ends it",
        )


def _ports(project: Project) -> Iterator[Finding]:
    found = state_file.load(project)
    ours = {} if found is None else {part.name: part.address for part in found.parts}
    free = []
    for name in PREFERRED_PORTS:
        if ours.get("api-server" if name == AIRFLOW else name) or _runs(project, name):
            continue
        try:
            port = read_wishes(project, name).port
            if port:
                host = read_options(project).host if name == AIRFLOW else server.HOST
                require_free(host, port, f"[stack.ports] {name}")
                free.append(f"{port}")
        except PenstockError as error:
            yield _taken(project, name, error)
    if free:
        yield Finding(Level.ok, "ports", f"free: {', '.join(free)}")


def _taken(project: Project, name: str, error: PenstockError) -> Finding:
    what = f"port of {name}"
    if name == AIRFLOW or name in project.section("stack").get("ports", {}):
        return of_error(what, error)
    # The project does not require this port.
    return Finding(Level.warning, what, error.message, "nothing to do: the server uses another port")


def _runs(project: Project, name: str) -> bool:
    try:
        found = server.load(project, name) if name in SERVERS else None
    except PenstockError:
        return False
    return found is not None and postmaster_pid(found) is not None
