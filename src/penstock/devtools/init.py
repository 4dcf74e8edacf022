"""Creates a project from a template, atomically.

A new directory appears complete, by one rename. Into an existing directory, such as the current one, the finished files
are moved one by one; after a kill, the next `make` completes the move. An Astro or Airflow project gets what it lacks.
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
        kept: What an Astro or Airflow project had already, and keeps unchanged.
        advice: What to add to its files by hand.
    """

    root: Path
    files: int
    port: int
    finished: bool = False
    kept: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


def make(directory: Path, template: str) -> Made:
    """Create a project.

    Args:
        directory: Created if missing. A project of Astro or Airflow gets the files that it lacks, without examples.

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
        return Made(root, _count_template(root, template), port)
    ready = root / READY
    finished = ready.is_dir()
    kept: tuple[str, ...] = ()
    if not finished:
        kept = _kept(root, template)
        _build(root / BUILDING, root.name, template, port)
        if kept:
            _leave_out_existing(root / BUILDING, root)
        (root / BUILDING).rename(ready)
    added = sorted(path.relative_to(ready) for path in ready.rglob("*") if path.is_file())
    for path in sorted(added, key=lambda one: one.name == MARKER):  # the marker last
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if not (root / path).exists():
            (ready / path).rename(root / path)
    shutil.rmtree(ready)
    count = len(added) if kept else _count_template(root, template)
    return Made(root, count, port, finished, kept, _advice(root) if kept else ())


def _count_template(root: Path, template: str) -> int:
    return sum((root / path).is_file() for path in (*template_files(template), Path(".env")))


# A directory with one of these is a project of Astro or Airflow.
AIRFLOW_PROJECT = ("dags", "airflow_settings.yaml")
# The example, and what describes it, is not added to such a project.
EXAMPLE = ("README.md", "dags", "dbt", "include", "tests/test_hello.py")
PYTEST_SETTINGS = {"pyproject.toml": "[tool.pytest", "setup.cfg": "[tool:pytest]", "tox.ini": "[pytest]"}


def _kept(root: Path, template: str) -> tuple[str, ...]:
    """Return what an existing Airflow project has of the template; empty if the directory holds none.

    Raises:
        UsageError: It is a Penstock project, or holds files of these names that are not an Airflow project's.
    """
    if (root / MARKER).exists():
        raise UsageError(f"{root} is already a project", hint="choose another directory")
    taken = [name for name in _names(template) if (root / name).exists()]
    if template == "blank" and any((root / name).exists() for name in AIRFLOW_PROJECT):
        return tuple(taken)
    if taken:
        raise UsageError(
            f"{root} already contains {', '.join(taken)}",
            hint="choose another directory; nothing was overwritten",
        )
    return ()


def _leave_out_existing(building: Path, root: Path) -> None:
    """Delete the example, and what the project has, from the built files."""
    for name in EXAMPLE:
        path = building / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    base = building / "environments" / "base.yaml"
    base.write_text(
        base.read_text(encoding="utf-8").replace("variables:\n  greeting: hello\n", "variables: {}\n"),
        encoding="utf-8",
    )
    if (root / "tests").exists():
        shutil.rmtree(building / "tests")
    if _has_pytest_settings(root):
        (building / "pytest.ini").unlink()  # it would take precedence over them
    for path in [path for path in building.rglob("*") if path.is_file()]:
        if (root / path.relative_to(building)).exists():
            path.unlink()


def _has_pytest_settings(root: Path) -> bool:
    return any(table in _text(root / name) for name, table in PYTEST_SETTINGS.items())


def _advice(root: Path) -> tuple[str, ...]:
    """Return what is missing in files that the project had."""
    advice = []
    if not re.search(r"(?m)^penstock\b", _text(root / "requirements.txt")):
        advice.append("add penstock[airflow,stack,test] to requirements.txt")
    if ".penstock" not in _text(root / ".gitignore"):
        advice.append("add .penstock/ to .gitignore")
    for name, table in {**PYTEST_SETTINGS, "pytest.ini": "[pytest]"}.items():
        if table in _text(root / name) and "penstock.testing" not in _text(root / name):
            advice += [f"add -p penstock.testing to addopts in {name}"]
    return tuple(advice)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


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


# Name -> directory in a checkout; in a wheel it is `penstock/templates/NAME`.
TEMPLATES = {"gallery": "pipelines", "blank": "templates/blank", "copies": "templates/copies"}
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
