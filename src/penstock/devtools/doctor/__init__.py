"""Checks the machine and the project, and suggests fixes: `penstock doctor`."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.devtools.doctor import config, machine, postgres, state
from penstock.devtools.doctor.check_result import Finding, Level
from penstock.project import Project

__all__ = ["Finding", "Level", "examine"]


def examine(project: Project | None, *, connect: bool = True) -> Iterator[Finding]:
    """Yield all findings, those of the machine first. Changes nothing and starts nothing.

    Args:
        project: The project; None to check only the machine.
        connect: Also connect to the environment's Postgres servers, for at most three seconds each.
    """
    yield from machine.examine(project)
    if project is None:
        yield Finding(Level.warning, "project", "not in a project", "penstock init, or cd into a project")
        return
    settings = list(config.settings(project))
    yield from settings
    if any(one.level is Level.wrong for one in settings):
        return
    files = list(config.examine(project))
    yield from files
    yield from state.examine(project)
    if connect and all(one.level is not Level.wrong for one in files):
        yield from postgres.examine(project)
