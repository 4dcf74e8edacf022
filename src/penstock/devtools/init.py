"""Creates a project from a template, atomically.

A new directory appears complete, by one rename. Into an existing directory, such as the current one, the finished files
are moved one by one; after a kill, the next `make` completes the move.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path

from penstock.model.errors import PenstockError, UsageError
from penstock.project import MARKER
from penstock.stack.port_config import PREFERRED_PORTS, free_port

BUILDING, READY = ".penstock-init.building", ".penstock-init"

# `.env` is never in git, so templates cannot contain it.
DOTENV = """\
# Environment variables for every `penstock` command in this project and its processes; the shell's variables win.
# `penstock --env-file FILE ...` reads another file instead. Do not commit this file.
# PENSTOCK_ENV=prod
# AIRFLOW__CORE__PARALLELISM=16
"""


@dataclass(frozen=True, slots=True)
class Made:
    """A created project.

    Args:
        root: Its directory.
        files: Number of files.
        port: Port of its Airflow.
        finished: Whether it completes an earlier call that was interrupted.
    """

    root: Path
    files: int
    port: int
    finished: bool = False


def make(directory: Path, template: str) -> Made:
    """Create a project.

    Args:
        directory: Created if missing. Existing files stay, unless the project has files of the same name.

    Raises:
        UsageError: A file would be overwritten, or the template is unknown.
        PenstockError: The directory is not writable.
    """
    root = directory.resolve()
    try:
        return _make(root, template)
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise PenstockError(
            f"cannot write {error.filename or root}: {error.strerror}", hint="choose another directory"
        ) from error


def _make(root: Path, template: str) -> Made:
    port = free_port(PREFERRED_PORTS["airflow"], PREFERRED_PORTS["airflow"])
    if not root.exists():
        root.parent.mkdir(parents=True, exist_ok=True)
        building = root.with_name(f".{root.name}{BUILDING}")
        _build(building, root.name, template, port)
        building.rename(root)
        return Made(root, _count(root), port)
    ready = root / READY
    finished = ready.is_dir()
    if not finished:
        _refuse_to_overwrite(root, template)
        _build(root / BUILDING, root.name, template, port)
        (root / BUILDING).rename(ready)
    count = _count(ready) + sum(_count(root / name) for name in _names(template) if (root / name).exists())
    for path in sorted(ready.iterdir(), key=lambda one: one.name == MARKER):  # the marker last
        path.rename(root / path.name)
    ready.rmdir()
    return Made(root, count, port, finished)


def _refuse_to_overwrite(root: Path, template: str) -> None:
    if (root / MARKER).exists():
        raise UsageError(f"{root} is already a project", hint="choose another directory")
    taken = [name for name in _names(template) if (root / name).exists()]
    if taken:
        raise UsageError(
            f"{root} already contains {', '.join(taken)}",
            hint="choose another directory; nothing was overwritten",
        )


def _names(template: str) -> list[str]:
    return sorted({path.parts[0] for path in template_files(template)} | {".env"})


def _build(building: Path, name: str, template: str, port: int) -> None:
    """Build the complete project next to its final place."""
    if building.exists():
        shutil.rmtree(building)
    source = template_dir(template)
    try:
        for path in template_files(template):
            (building / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / path, building / path)
        settings = building / MARKER
        settings.write_text(_settings(settings.read_text(encoding="utf-8"), name, port), encoding="utf-8")
        dotenv = building / ".env"
        dotenv.touch(mode=0o600)
        dotenv.write_text(DOTENV, encoding="utf-8")
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def _settings(text: str, name: str, port: int) -> str:
    """Return the template's `penstock.toml` with this project name and Airflow port."""
    plain = re.sub(r"[^\w-]+", "-", name) or "project"
    named = re.sub(r'(?m)^name = ".*"$', f'name = "{plain}"', text, count=1)
    return f"{named.rstrip()}\n\n[stack.ports]\nairflow = {port} # 0 for any free port\n"


def _count(path: Path) -> int:
    return sum(one.is_file() for one in path.rglob("*")) if path.is_dir() else 1


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
