"""Checks of a project's files, and of the extras that they need."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from penstock import lookup
from penstock.devtools import dotenv
from penstock.devtools.doctor.check_result import Finding, Level, of_error
from penstock.environments import load
from penstock.environments.airflow_settings import NAME, local_settings
from penstock.environments.dag_references import demands
from penstock.environments.inheritance import environment_names
from penstock.environments.missing_names import default, lacking
from penstock.environments.validate import problems
from penstock.model.errors import PenstockError
from penstock.model.plurals import counted
from penstock.project import MARKER, Project


def settings(project: Project) -> Iterator[Finding]:
    """Check `penstock.toml`, which all other checks need."""
    yield from _told("project", lambda: _settings(project))


def examine(project: Project) -> Iterator[Finding]:
    """Check the other files; yield one finding per valid file and one per error."""
    yield from _told("environments", lambda: _environments(project))
    yield from _told(dotenv.NAME, lambda: _dotenv(project))
    yield from _told(NAME, lambda: _airflow_settings(project))


def _told(what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from list(look())
    except PenstockError as error:
        yield of_error(what, error)


def _settings(project: Project) -> Iterator[Finding]:
    from penstock.stack.port_config import PREFERRED_PORTS, read_options, read_wishes

    read_options(project)
    for name in PREFERRED_PORTS:
        read_wishes(project, name)
    if (project.root / "dags").is_dir():
        yield Finding(Level.ok, "project", f"{project.name!r} in {project.root}")
    else:
        yield Finding(
            Level.warning, MARKER, "missing directory dags/", "create it; see penstock init for the layout"
        )


def _environments(project: Project) -> Iterator[Finding]:
    seen: set[str] = set()
    for name in environment_names(project.root):
        for problem in problems(project.root, name):
            if problem.message not in seen:
                seen.add(problem.message)
                yield of_error("environments", problem)
    if seen:
        return
    local = local_settings(project.root)
    known = {*lookup.EMBEDDED, *local.variables, *(one.name for one in local.connections)}
    used = load(project.root, default(project.root) if environment_names(project.root) else None)
    missing = list(lacking(used, demands(project.root), known))
    for problem in missing:
        yield of_error("environments", problem, Level.warning)
    if not missing:
        names = ", ".join(environment_names(project.root)) or "none (optional)"
        yield Finding(Level.ok, "environments", names)


def _dotenv(project: Project) -> Iterator[Finding]:
    path = project.root / dotenv.NAME
    if not path.exists():
        yield Finding(Level.ok, dotenv.NAME, "none (optional)")
        return
    if dotenv.read(path) and path.stat().st_mode & 0o077:
        yield Finding(Level.warning, dotenv.NAME, "other accounts can read it", f"chmod 600 {path}")
    else:
        yield Finding(Level.ok, dotenv.NAME, "applies to every command")


def _airflow_settings(project: Project) -> Iterator[Finding]:
    if not (project.root / NAME).exists():
        yield Finding(Level.ok, NAME, "none (optional)")
        return
    found = local_settings(project.root)
    parts = {"connection": found.connections, "variable": found.variables, "pool": found.pools}
    yield Finding(Level.ok, NAME, ", ".join(counted(len(part), name) for name, part in parts.items()))


_OWN = re.compile(r"^\s*penstock\s*\[(?P<extras>[^\]]*)\]", re.MULTILINE)
_EXTRA = re.compile(r"""extra\s*==\s*['"](?P<name>[\w-]+)['"]""")
_NAME = re.compile(r"[\w.-]+")
_ALL = "all"
_FOLDERS = {"dags": "airflow", "dbt": "dbt"}


def missing_extras(project: Project | None) -> Iterator[Finding]:
    """Yield missing packages of the extras that the project lists in `requirements.txt` or evidently uses."""
    for extra in sorted(_asked(project)):
        lacking = [name for name in _packages(extra) if not _is_installed(name)]
        if lacking:
            yield Finding(
                Level.wrong,
                f"extra {extra}",
                f"not installed: {', '.join(lacking)}",
                f"pip install 'penstock[{extra}]'",
            )
        else:
            yield Finding(Level.ok, f"extra {extra}", "installed")


def _asked(project: Project | None) -> set[str]:
    if project is None:
        return set()
    asked = {extra for folder, extra in _FOLDERS.items() if (project.root / folder).is_dir()}
    requirements = project.root / "requirements.txt"
    if requirements.is_file():
        for found in _OWN.finditer(requirements.read_text(encoding="utf-8", errors="replace")):
            asked |= {extra.strip() for extra in found["extras"].split(",") if extra.strip()}
    return (asked - {_ALL}) | _members_of_all() if _ALL in asked else asked


def _members_of_all() -> set[str]:
    """The extras that the extra `all` names: `penstock[airflow,...]; extra == 'all'`."""
    members: set[str] = set()
    for requirement in requires("penstock") or []:
        marker, own = _EXTRA.search(requirement), _OWN.match(requirement)
        if own is not None and marker is not None and marker["name"] == _ALL:
            members |= {extra.strip() for extra in own["extras"].split(",")}
    return members


def _packages(extra: str) -> list[str]:
    named = []
    for requirement in requires("penstock") or []:
        marker = _EXTRA.search(requirement)
        name = _NAME.match(requirement)
        if marker is not None and marker["name"] == extra and name is not None:
            named.append(name[0])
    return named


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
