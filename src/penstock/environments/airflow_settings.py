"""A project's `airflow_settings.yaml`: connections, variables and pools of this machine, in Astro's format.

It applies only in the project's default environment, so that settings for a laptop are never used in production.
"""

from __future__ import annotations

from pathlib import Path

from penstock.environments.formats.bundle import Bundle
from penstock.environments.loading import choose
from penstock.environments.missing_names import default
from penstock.model.errors import UsageError

NAME = "airflow_settings.yaml"

_Stamp = tuple[int, int, int]
_kept: dict[Path, tuple[_Stamp, Bundle]] = {}


def local_settings(root: Path, environment: str | None = None) -> Bundle:
    """Read the file; empty if it is missing, or if the environment in use is not the default one.

    Args:
        environment: The environment in use; by default the one that `load` would choose.

    Raises:
        UsageError: The file is invalid; the message shows no values.

    Example:
        >>> local_settings(Path("/nowhere")).connections
        ()
    """
    path = root / NAME
    try:
        status = path.stat()
    except OSError:
        return Bundle()
    if choose(root, environment) not in (None, default(root)):
        return Bundle()
    stamp = status.st_mtime_ns, status.st_size, status.st_ino
    if path not in _kept or _kept[path][0] != stamp:
        _kept[path] = stamp, _read(path)
    return _kept[path][1]


def _read(path: Path) -> Bundle:
    from penstock.environments.formats.airflow_settings import read

    try:
        return read(path.read_text(encoding="utf-8"))
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}", hint=error.hint) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {type(error).__name__}") from None
