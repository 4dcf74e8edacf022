"""Detached programs: they outlive the process that starts them, and run in their own session."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from penstock.model.errors import PenstockError
from penstock.project import Project
from penstock.stack.os_user import server_account, service_environment
from penstock.stack.postgres.server import open_log
from penstock.stack.processes import Identity, identify

_ANSWER_TIMEOUT_S = 2.0
_SERVER_ERROR = 500

# Starts a program in its own session, prints its process id and exits. The program is then not a child of the task that
# first needed it, and init reaps it.
_STARTER = """
import os, signal, sys
argv = sys.argv[1:]
print(os.posix_spawn(argv[0], argv, os.environ, setsid=True,
    setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM], setsigmask=[],
    file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)]))
"""


def launch(
    project: Project, argv: Sequence[str], environment: Mapping[str, str], log: Path
) -> Identity | None:
    """Start a detached program; return None if it ended at once.

    If the caller is root and another account owns the project, the program runs as that account, which then owns the
    files it writes.

    Args:
        argv: The full path of the program, and its arguments.
        environment: Variables to add to those that `service_environment` passes on.
        log: File for the output; replaced when it becomes large.

    Raises:
        PenstockError: The program cannot be run.
    """
    project.make_state_dir(log.parent.name)
    account = server_account(project.state_dir)
    if account is not None and account.uid != project.state_dir.stat().st_uid:
        account = None  # the project belongs to root
    with open_log(log) as output:
        started = subprocess.run(
            [sys.executable, "-ISc", _STARTER, *argv],
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            env={**service_environment(), **environment},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
            umask=0o077,
            check=False,
        )
    if started.returncode:
        raise PenstockError(f"cannot run {argv[0]}", hint=f"see {log}")
    return identify(int(started.stdout))


def orphans(mark: Mapping[str, str]) -> list[Identity]:
    """Return session leaders that have these environment variables."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == process.pid and mark.items() <= process.environ().items():
                found.append(identify(process.pid))
        except (psutil.Error, OSError):  # ended, or another account's
            continue
    return [one for one in found if one is not None]


def is_listening(process: Identity, port: int) -> bool:
    """Whether this process listens on the port; True if that cannot be checked."""
    try:
        held = psutil.Process(process.pid).net_connections(kind="tcp")
    except psutil.AccessDenied:
        return True
    except psutil.NoSuchProcess:
        return False
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in held)


def answers(url: str) -> bool:
    """Whether a server answers with a status below 500; a request for authentication counts as an answer."""
    # Without proxies, because the server is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_ANSWER_TIMEOUT_S):
            return True
    except urllib.error.HTTPError as error:
        with error:
            return error.code < _SERVER_ERROR
    except (OSError, ValueError):
        return False
