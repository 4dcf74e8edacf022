"""A Postgres cluster on disk: created by `initdb`, started and stopped by `pg_ctl`, monitored through its pid file."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import signal
import time
from pathlib import Path
from typing import IO

import psutil

from penstock.model.connection import Secret
from penstock.model.errors import ConnectionFailed, PenstockError
from penstock.project import Project, write_private
from penstock.stack import processes
from penstock.stack.os_user import Account, give_to, run_as
from penstock.stack.postgres.binaries import MAJOR, SYSTEM_DIR, make_system_dir, programs_for
from penstock.stack.postgres.server import LOGIN, STATE, Server, cause, choose_home
from penstock.stack.postgres.settings import Settings, as_text

START_TIMEOUT_S = 300  # recovery after a crash replays up to max_wal_size
STOP_TIMEOUT_S = 60
KILL_TIMEOUT_S = 10


def create(project: Project, name: str, port: int, account: Account | None) -> Server:
    """Create an empty cluster with a new password. Removes the remains of an interrupted attempt first.

    Raises:
        PenstockError: `initdb` failed, usually because of a full disk.
    """
    home = choose_home(project, name, account)
    if home.is_relative_to(SYSTEM_DIR):
        make_system_dir(home.parent.name)
    else:
        project.make_state_dir(STATE)
    server = Server(name, port, Secret(secrets.token_urlsafe(32)), home)
    stop_orphan(server.data_dir)
    if home.exists():
        shutil.rmtree(home)
    home.mkdir(mode=0o700)
    give_to(account, home)
    _initdb(server, account)
    return server


def require_unused(name: str, home: Path) -> None:
    """Check that the directory holds no used cluster whose password is lost.

    Raises:
        ConnectionFailed: It does. Nothing was changed.
    """
    if (home / "data" / "postmaster.opts").exists():  # from its first start, after the password was stored
        raise ConnectionFailed(
            f"the password of the server {name!r} with data in {home} is lost: {home}.json is missing",
            hint=f"restore a backup of the file, or start with an empty server: mv {home} {home}.old",
        )


def _initdb(server: Server, account: Account | None) -> None:
    password = server.home.with_name(f"{server.name}.password")
    write_private(password, server.password.reveal() + "\n")
    give_to(account, password)
    argv: list[str | Path] = [
        programs_for(account) / "initdb",
        f"--pgdata={server.data_dir}",
        f"--username={LOGIN}",
        f"--pwfile={password}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        # Sorts by code point: fast, and the same order on every machine.
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        # The password is 32 random bytes; more iterations would only slow down logins.
        "--set=scram_iterations=1",
    ]
    try:
        done = run_as(account, argv)
    finally:
        password.unlink()
    if done.returncode:
        raise PenstockError(
            f"cannot create the server {server.name!r}: {cause(done.stdout)}",
            hint=f"check the directory {server.home}",
        )


def require_readable(server: Server) -> None:
    """Check that the installed programs can read the cluster, if it exists. Postgres reads only its own major version.

    Raises:
        ConnectionFailed: They cannot. Nothing was changed.
    """
    version = server.data_dir / "PG_VERSION"
    if not version.exists():
        if is_empty(server.data_dir):
            return
        raise ConnectionFailed(
            f"the data of the server {server.name!r} is damaged: {version} is missing",
            hint=f"restore a backup, or start with an empty server: mv {server.home} {server.home}.old",
        )
    made_by = version.read_text(encoding="ascii", errors="replace").strip()
    if made_by != MAJOR:
        raise ConnectionFailed(
            f"the data of the server {server.name!r} is from PostgreSQL {made_by}, but version {MAJOR} is installed",
            hint=f"dump it with the previous version of Penstock (pg_dump), or start with an empty server: "
            f"mv {server.home} {server.home}-{made_by}",
        )


def is_empty(data_dir: Path) -> bool:
    """Whether the directory holds no cluster."""
    return not data_dir.is_dir() or not any(data_dir.iterdir())


def configure(server: Server, settings: Settings) -> None:
    """Write the settings for the next start.

    Outside of the data directory: its owner could put a link in the file's place, and root would write where it leads.
    """
    own = str(server.data_dir / "postgresql.conf").replace("'", "''")
    write_private(
        server.settings_file,
        f"# Written at every start; changes here are lost.\ninclude = '{own}'\n{as_text(settings)}",
        readers=True,
    )


def start(server: Server, account: Account | None, log: IO[bytes]) -> bool:
    """Start the server in its own session and wait until it is ready; return False if it did not start."""
    _drop_foreign_pid_file(server)
    argv: list[str | Path] = [
        programs_for(account) / "pg_ctl",
        "start",
        "--silent",
        "--wait",
        f"--timeout={START_TIMEOUT_S}",
        f"--pgdata={server.data_dir}",
        f"--options=-c {shlex.quote(f'config_file={server.settings_file}')}",
    ]
    return run_as(account, argv, output=log.fileno()).returncode == 0


def stop(server: Server, account: Account | None, log: IO[bytes]) -> bool:
    """Roll back open transactions, stop the server and wait; return False if it did not stop."""
    _signal(server, signal.SIGCONT)  # a suspended process handles no other signal
    argv: list[str | Path] = [
        programs_for(account) / "pg_ctl",
        "stop",
        "--silent",
        "--mode=fast",
        "--wait",
        f"--timeout={STOP_TIMEOUT_S}",
        f"--pgdata={server.data_dir}",
    ]
    return run_as(account, argv, output=log.fileno()).returncode == 0


def kill(server: Server) -> bool:
    """Kill a hung server; return False if it does not end. Committed data is not lost."""
    pid = postmaster_pid(server)
    leader = None if pid is None else processes.identify(pid)
    if leader is None:
        return True
    members = [processes.identify(one) for one in processes.family(leader)]
    _signal(server, signal.SIGKILL)
    deadline = time.monotonic() + KILL_TIMEOUT_S
    # Child processes end when they notice that the postmaster is gone; until then they hold its memory and files.
    while (lives := any(map(processes.is_alive, members))) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not lives


def _signal(server: Server, number: signal.Signals) -> None:
    if (pid := postmaster_pid(server)) is not None:
        os.kill(pid, number)


def postmaster_pid(server: Server) -> int | None:
    """Return the process that runs this cluster, or None. The process named in the pid file may have ended."""
    try:
        pid, started_in, *_ = (server.data_dir / "postmaster.pid").read_text(encoding="utf-8").split("\n")
        # Compare with the path at start, because the project may have moved since.
        return int(pid) if _serves(int(pid), Path(started_in)) else None
    except (FileNotFoundError, ValueError):
        return None


def _serves(pid: int, data_dir: Path) -> bool:
    # Use the command line, because in a container even root may not read another account's working directory.
    try:
        words = psutil.Process(pid).cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    return len(words) > 1 and Path(words[0]).name == "postgres" and str(data_dir) in words[1:]


def _drop_foreign_pid_file(server: Server) -> None:
    """Remove the pid file of a crash if its pid now belongs to another process, because Postgres would not start."""
    if postmaster_pid(server) is None:
        (server.data_dir / "postmaster.pid").unlink(missing_ok=True)


def stop_orphan(data_dir: Path) -> None:
    """Stop a server that outlived its data directory, such as when a clone was removed and created again."""
    for process in psutil.process_iter():
        if _serves(process.pid, data_dir):
            process.send_signal(signal.SIGQUIT)  # immediate shutdown, because its data is gone
            deadline = time.monotonic() + 10
            while _serves(process.pid, data_dir) and time.monotonic() < deadline:  # a zombie does not count
                time.sleep(0.02)
