"""Checks that the packages of the extras that a project needs are installed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from penstock.devtools.doctor.check_result import Finding, Level
from penstock.project import Project

_OWN = re.compile(r"^\s*penstock\s*\[(?P<extras>[^\]]*)\]", re.MULTILINE)
_EXTRA = re.compile(r"""extra\s*==\s*['"](?P<name>[\w-]+)['"]""")
_NAME = re.compile(r"[\w.-]+")
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
    return asked


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
