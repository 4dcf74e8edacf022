"""Where the fields of a connection come from, in the order of :mod:`penstock.lookup`."""

from __future__ import annotations

from penstock import lookup
from penstock.environments import Environment, load
from penstock.environments.airflow_settings import local_settings
from penstock.environments.errors import suggestion
from penstock.environments.layer import EXTRA, fields_of
from penstock.environments.loading import AIRFLOW, OWN, find_connection
from penstock.environments.secret_detection import masked
from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed

_Row = tuple[str, str, str]


def fields_with_places(name: str, env: str | None) -> list[_Row]:
    """Field, value and place of the connection of this name; secrets are masked.

    Raises:
        ConnectionFailed: If there is none, or the environment excludes it.
        PenstockError: If the environment is invalid.
    """
    project = lookup.project_here()
    if (found := find_connection(name, prefixes=[OWN])) is not None:
        return _rows(found, f"{OWN}{name.upper()} in the process")
    environment = None if project is None else load(project.root, env)
    if environment is not None and name in environment.connection_names():
        return _in_files(environment, name)
    if environment is not None and (place := environment.excluded(name)) is not None:
        raise ConnectionFailed(f"{place} excludes the connection {name!r}", hint="remove that line")
    if (found := find_connection(name, prefixes=[AIRFLOW])) is not None:
        return _rows(found, f"{AIRFLOW}{name.upper()} in the process")
    if project is not None:
        settings = local_settings(project.root, env)
        for one in settings.connections:
            if one.name == name:
                return _rows(one, "airflow_settings.yaml")
        if name in lookup.EMBEDDED:
            kind = lookup.SERVICES.get(name, "postgres")
            server = lookup.SERVERS.get(name, name)
            return [("type", kind, f"embedded; penstock db status {server} shows its address")]
    names = () if environment is None else environment.connection_names()
    hint = f"penstock connection add {name}" if project else "create a project with penstock init"
    raise ConnectionFailed(f"no connection {name!r}", hint=suggestion(name, names) if names else hint)


def _in_files(environment: Environment, name: str) -> list[_Row]:
    rows = [
        (one.field, one.value, f"{one.file}:{one.line}")
        for one in environment.explain(name)
        if one.kind == "connection"
    ]
    if (server := environment.served_by(name)) is not None:
        rows.append(("same_as", server, f"embedded; penstock db status {lookup.SERVERS.get(server, server)}"))
    return rows


def _rows(connection: Connection, place: str) -> list[_Row]:
    return [
        (field, masked(field.removeprefix(EXTRA), text), place)
        for field, text in fields_of(connection).items()
    ]
