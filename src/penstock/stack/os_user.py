"""The account that Postgres runs under: the caller's, or an unprivileged one where the caller is root."""

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

UNPRIVILEGED = (
    "nobody"  # exists on every Linux; a service account of our own would be one more thing to remove
)


@dataclass(frozen=True, slots=True)
class Account:
    """An account other than the caller's, which root steps down to."""

    name: str
    uid: int
    gid: int


def server_account(state_dir: Path) -> Account | None:
    """The account to step down to, or None where the caller is not root and runs Postgres itself.

    It is the owner of the state directory, so that `sudo` once does not lock them out; `nobody` where that is root.

    Raises:
        PenstockError: The caller is root and this machine has no account `nobody`.
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
    """Whether the account may pass through every directory above `path`, as a stranger or as its owner."""
    above = [directory.stat() for directory in path.resolve().parents]
    return all(
        found.st_mode & (stat.S_IXUSR if found.st_uid == account.uid else stat.S_IXOTH) for found in above
    )


def give_to(account: Account | None, path: Path) -> None:
    """Make the account the owner of `path`; without one the caller stays the owner."""
    if account is not None:
        os.chown(path, account.uid, account.gid)


def run_as(
    account: Account | None, argv: Sequence[str | Path], output: IO[str] | int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run a program as the account, without the caller's terminal, pipes, directory and `PG*` variables.

    Args:
        account: Whom to run as; None means the caller.
        argv: The program and its arguments.
        output: Where both of its outputs go. A server it starts keeps holding them, so not a pipe in that case.

    Raises:
        PenstockError: Stepping down to the account is not permitted here.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_"))}
    environment["LC_ALL"] = "C"  # messages in English whatever the caller's language
    try:
        return subprocess.run(
            argv,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            env=environment,
            cwd="/",  # the caller's directory may be closed to the account
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
            f"{Path(argv[0]).name} cannot be run as {whom}: {error.strerror}",
            hint="run Penstock as an ordinary user, or where programs may be executed",
        ) from error
