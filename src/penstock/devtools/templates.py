"""The project templates: their location, and the files that belong to them.

In a wheel they are resources of the package; in a checkout they are directories next to `src`.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path

from penstock.model.errors import PenstockError, UsageError
from penstock.project import MARKER

# Name -> directory in a checkout; in a wheel it is `penstock/templates/NAME`.
TEMPLATES = {"gallery": "pipelines", "blank": "templates/blank"}
# Files that runs leave in a checkout. The wheel does not contain them.
GENERATED = (".penstock", "__pycache__", ".pytest_cache", "*.pyc", "target", "logs", "dbt_packages", ".env")
DATA = Path("include", "data")  # generated files, except .gitignore


def template_dir(name: str) -> Path:
    """Return the directory of the template.

    Raises:
        UsageError: The template is unknown.
        PenstockError: The installed package does not contain it.

    Example:
        >>> (template_dir("blank") / "penstock.toml").exists()
        True
    """
    if name not in TEMPLATES:
        raise UsageError(f"unknown template {name!r}", hint=f"known templates: {', '.join(TEMPLATES)}")
    package = Path(str(files("penstock")))
    for path in (package / "templates" / name, package.parents[1] / TEMPLATES[name]):
        if (path / MARKER).is_file():
            return path
    raise PenstockError(f"the template {name!r} is not installed", hint="reinstall Penstock")


def template_files(name: str) -> Iterator[Path]:
    """Yield the template's files, sorted and relative to its directory, without files that runs leave behind.

    Example:
        >>> Path("dags/hello.py") in list(template_files("blank"))
        True
    """
    root = template_dir(name)
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if path.is_file() and not _is_generated(relative):
            yield relative


def _is_generated(path: Path) -> bool:
    if any(fnmatch(part, pattern) for part in path.parts for pattern in GENERATED):
        return True
    return path.is_relative_to(DATA) and path != DATA / ".gitignore"
