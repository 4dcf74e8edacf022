"""The account that runs Postgres: the caller's, or an unprivileged one if the caller is root."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from penstock.model.errors import PenstockError

UNPRIVILEGED = "nobody"  # exists on every Linux, so no service account has to be created and removed


@dataclass(frozen=True, slots=True)
class Account:
    """An account other than the caller's, to which root drops its privileges."""

    name: str
    uid: int
    gid: int


def server_account(state_dir: Path) -> Account | None:
    """Return the account that runs Postgres, or None if the caller is not root and runs it itself.

    This is the owner of the state directory, so that a single `sudo` does not lock the owner out; `nobody` if the owner
    is root.

    Raises:
        PenstockError: The caller is root, and this machine has no account `nobody`.
    """
    if os.geteuid() != 0:
        return None
    if state_dir.exists() and (owner := state_dir.stat()).st_uid != 0:
        return Account(f"uid {owner.st_uid}", owner.st_uid, owner.st_gid)
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError as error:
        raise PenstockError(
            f"Postgres refuses to run as root, and this machine has no account {UNPRIVILEGED!r}",
            hint="run Penstock as an ordinary user",
        ) from error
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def can_reach(account: Account, path: Path) -> bool:
    """Whether the account may traverse every directory above `path`, as its owner or as another user."""
    above = [directory.stat() for directory in path.resolve().parents]
    return all(
        found.st_mode & (stat.S_IXUSR if found.st_uid == account.uid else stat.S_IXOTH) for found in above
    )


def give_to(account: Account | None, path: Path) -> None:
    """Make the account the owner of `path`, which is not followed; None leaves the owner unchanged."""
    if account is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


# What a server needs of the caller's environment. All else may hold secrets, such as `PENSTOCK_KEY` or `AWS_*`.
_PASSED_ON = (
    *("PATH", "HOME", "LANG", "TZ", "TZDIR", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUTF8"),
)


def service_environment() -> dict[str, str]:
    """Return the variables of this process that are passed on to Postgres, the object store and the sandbox."""
    return {name: value for name, value in os.environ.items() if name in _PASSED_ON}


def run_as(
    account: Account | None, argv: Sequence[str | Path], output: IO[str] | int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run a program as the account, without the caller's terminal, pipes, directory and variables.

    Args:
        account: The account to run as; None for the caller.
        argv: The program and its arguments.
        output: File for standard output and error. Not a pipe if the program starts a server, which keeps it open.

    Raises:
        PenstockError: Changing to the account is not permitted here.
    """
    environment = {
        **service_environment(),
        "LC_ALL": "C",
    }  # messages in English, whatever the caller's locale
    try:
        return subprocess.run(
            argv,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            env=environment,
            cwd="/",  # the account may lack access to the caller's directory
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            check=False,
        )
    except PermissionError as error:
        whom = account.name if account else "this account"
        raise PenstockError(
            f"cannot run {Path(argv[0]).name} as {whom}: {error.strerror}",
            hint="run Penstock as an ordinary user, or on a file system that permits execution",
        ) from error
