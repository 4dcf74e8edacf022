"""The templates that projects are made from: where they lie, and which of their files are theirs.

In a wheel they are resources of the package, in a checkout directories beside `src`.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path

from penstock.model.errors import PenstockError, UsageError
from penstock.project import MARKER

# Name -> where a checkout keeps it; a wheel keeps it in `penstock/templates/NAME`.
TEMPLATES = {"gallery": "pipelines", "blank": "templates/blank"}
# What runs leave behind in a checkout. The wheel is built without it.
GENERATED = (".penstock", "__pycache__", ".pytest_cache", "*.pyc", "target", "logs", "dbt_packages", ".env")
DATA = Path("include", "data")  # what lies there is generated, but for its .gitignore


def template_dir(name: str) -> Path:
    """The directory of the template.

    Raises:
        UsageError: There is none of this name.
        PenstockError: Penstock is installed without it.

    Example:
        >>> (template_dir("blank") / "penstock.toml").exists()
        True
    """
    if name not in TEMPLATES:
        raise UsageError(f"no template {name!r}", hint=f"there are: {', '.join(TEMPLATES)}")
    package = Path(str(files("penstock")))
    for path in (package / "templates" / name, package.parents[1] / TEMPLATES[name]):
        if (path / MARKER).is_file():
            return path
    raise PenstockError(f"the template {name!r} is not installed", hint="install Penstock again")


def template_files(name: str) -> Iterator[Path]:
    """The template's files, relative to its directory, sorted; what runs leave behind is passed over.

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
