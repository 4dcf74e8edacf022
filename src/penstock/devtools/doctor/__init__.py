"""What is wrong with this machine, or with a project on it, and how to mend it: `penstock doctor`."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.devtools.doctor import config, machine, postgres, state
from penstock.devtools.doctor.check_result import Finding, Level
from penstock.project import Project

__all__ = ["Finding", "Level", "examine"]


def examine(project: Project | None, *, connect: bool = True) -> Iterator[Finding]:
    """Every finding, the machine's first. Nothing is changed, and nothing is started.

    Args:
        project: None where there is none; then only the machine is looked at.
        connect: Also ask the Postgres servers that the environment names, each for at most three seconds.
    """
    yield from machine.examine(project)
    if project is None:
        yield Finding(Level.warning, "project", "there is no project here", "penstock init, or cd into one")
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
