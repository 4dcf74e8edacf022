"""Programs that outlive whoever starts them: nobody's child, in a session of their own."""

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
from penstock.stack.os_user import server_account
from penstock.stack.postgres.log import open_log
from penstock.stack.processes import Identity, identify

_ANSWER_TIMEOUT_S = 2.0
_SERVER_ERROR = 500
_OTHERS = ("AIRFLOW_", "PENSTOCK_CONN_", "RCLONE_")  # variables of the caller's that are none of its business

# Starts a program in a session of its own, prints its number and ends, so that the program is nobody's child: it is not
# taken for a part of the task that needed it first, and whoever did need not bury it.
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
    """Start a program detached; None where it ended at once.

    As root, in a project that another account owns, it runs as that account, so that what it writes is theirs.

    Args:
        argv: The program, by its full path, and its arguments.
        environment: Beside the caller's variables that are not Airflow's.
        log: Takes its output; begun anew when it has grown large.

    Raises:
        PenstockError: It cannot be run.
    """
    project.make_state_dir(log.parent.name)
    account = server_account(project.state_dir)
    if account is not None and account.uid != project.state_dir.stat().st_uid:
        account = None  # root's own project
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)}
    with open_log(log) as output:
        started = subprocess.run(
            [sys.executable, "-ISc", _STARTER, *argv],
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            env={**inherited, **environment},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
            umask=0o077,
            check=False,
        )
    if started.returncode:
        raise PenstockError(f"{argv[0]} cannot be run", hint=f"see {log}")
    return identify(int(started.stdout))


def orphans(mark: Mapping[str, str]) -> list[Identity]:
    """Processes that began a session and carry these variables."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == process.pid and mark.items() <= process.environ().items():
                found.append(identify(process.pid))
        except (psutil.Error, OSError):  # gone, or another account's
            continue
    return [one for one in found if one is not None]


def is_listening(process: Identity, port: int) -> bool:
    """Whether it is this process that listens there; where that may not be asked, it is taken for granted."""
    try:
        held = psutil.Process(process.pid).net_connections(kind="tcp")
    except psutil.AccessDenied:
        return True
    except psutil.NoSuchProcess:
        return False
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in held)


def answers(url: str) -> bool:
    """Whether something answers there and is not at a loss; that it asks who calls is an answer too."""
    # Straight to this machine: a proxy would not know it.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_ANSWER_TIMEOUT_S):
            return True
    except urllib.error.HTTPError as error:
        with error:
            return error.code < _SERVER_ERROR
    except (OSError, ValueError):
        return False
