"""The project that a command works in: a directory with a `penstock.toml` and a state directory."""

from __future__ import annotations

import errno
import os
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.model.errors import UsageError
from penstock.state_dir import (
    FOLDER,
    account_name,
    broken_state,
    give_to_directorys_owner,
    leave_to_owner,
    require_own_way,
)

MARKER = "penstock.toml"
SERVERS = "postgres"  # directory of the embedded servers' data in the state directory
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class NoProject(UsageError):
    """No project was found: no `penstock.toml` here or above."""


class ForeignProject(UsageError):
    """The project that was found belongs to another account, and is not named outright."""


@dataclass(frozen=True, slots=True)
class Project:
    """The directory of a project.

    Args:
        root: The directory that holds `penstock.toml`.

    Example:
        >>> Project(Path("/srv/sales")).state_dir
        PosixPath('/srv/sales/.penstock')
    """

    root: Path

    @property
    def state_dir(self) -> Path:
        """Holds clusters, logs, process ids and keys; nothing is written elsewhere."""
        return self.root / FOLDER

    @property
    def name(self) -> str:
        """`[project] name` of `penstock.toml`, or the directory's name.

        Raises:
            UsageError: See `section`.
        """
        return str(self.section("project").get("name", self.root.name))

    def section(self, name: str) -> Mapping[str, Any]:
        """One table of `penstock.toml`, read from the file at each call; empty if it is missing.

        Raises:
            UsageError: `penstock.toml` is not valid TOML, or holds something other than a table under this name.

        Example:
            >>> Project(Path("/nowhere")).section("stack")
            {}
        """
        path = self.root / MARKER
        try:
            settings = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} is not valid TOML: {error}") from error
        section = settings.get(name, {})
        if not isinstance(section, dict):
            raise UsageError(f"{path}: {name!r} must be a table", hint=f"write it as [{name}]")
        return section

    def make_state_dir(self, *parts: str) -> Path:
        """Make a directory under the state directory, closed to other accounts, and return it.

        As root, other accounts may traverse the state directory and the servers' directory, but not list them:
        Postgres refuses to run as root, and its account must reach the files it owns.

        Raises:
            BrokenState: It cannot be made or written, usually because another account made the state directory.
        """
        mode = 0o711 if os.geteuid() == 0 and parts[:1] in ((), (SERVERS,)) else 0o700
        path = self.state_dir
        try:
            require_own_way(path)
            _make_dir(path, 0o711 if os.geteuid() == 0 else 0o700)
            for part in parts:
                path = path / part
                require_own_way(path)
                if _make_dir(path, mode):
                    leave_to_owner(path)
            if not os.access(path, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        except OSError as error:
            if error.errno in DISK_FULL:
                raise
            raise broken_state(error) from error
        return path


def _make_dir(path: Path, mode: int) -> bool:
    if path.is_dir():
        return False
    path.mkdir(exist_ok=True)
    path.chmod(mode)  # the umask restricts mkdir's mode
    return True


def find_project(start: Path | None = None) -> Project:
    """The project that contains `start` (by default the working directory).

    `PENSTOCK_PROJECT` takes precedence. Otherwise it is the nearest parent directory that holds `penstock.toml`,
    or whose `pipelines/` does: inside the repository the gallery is the default project.

    A project runs code of its own: its DAGs, its `.env`. So one that is found, and not named, must belong to this
    account, to root, or to the account that called `sudo`.

    Raises:
        NoProject: No project was found.
        ForeignProject: It belongs to another account.
    """
    named = os.environ.get("PENSTOCK_PROJECT")
    if named:
        root = Path(named).expanduser().resolve()
        if not (root / MARKER).is_file():
            raise NoProject(
                f"PENSTOCK_PROJECT names {root}, which holds no {MARKER}", hint="correct or unset it"
            )
        return Project(root)
    here = (start or Path.cwd()).resolve()
    for directory in (here, *here.parents):
        for root in (directory, directory / "pipelines"):
            if (root / MARKER).is_file():
                _require_trusted(root)
                return Project(root)
    raise NoProject(
        f"no project: {here} and its parent directories hold no {MARKER}",
        hint="change into a project, or create one with penstock init; from elsewhere, set PENSTOCK_PROJECT=DIRECTORY",
    )


def _require_trusted(root: Path) -> None:
    trusted = {0, os.geteuid()}
    if os.geteuid() == 0 and (caller := os.environ.get("SUDO_UID", "")).isdigit():
        trusted.add(int(caller))
    for path in (root, root / MARKER):
        if (uid := path.stat().st_uid) not in trusted:
            raise ForeignProject(
                f"{path} belongs to another account ({account_name(uid)}), whose code would run as this one",
                hint=f"if you trust that account, name the project: PENSTOCK_PROJECT={root} penstock ...",
            )


def write_private(path: Path, text: str, *, readers: bool = False) -> None:
    """Write `text` atomically to a file that only this account may read. A link is replaced, not followed.

    Args:
        readers: Whether other accounts may read the file.

    Raises:
        OSError: The directory is missing, not writable, or the disk is full.
    """
    # mkstemp sets mode 0600
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if readers:
                os.fchmod(descriptor, 0o644)
            give_to_directorys_owner(descriptor, path.parent)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
