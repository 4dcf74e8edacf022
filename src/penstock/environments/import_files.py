"""Imports connections and variables from other formats into an environment file, and exports them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.environments.environment import Environment
from penstock.environments.errors import BadEnvironment, SecretProblem
from penstock.environments.file_edit import Draft, write
from penstock.environments.formats.bundle import Bundle
from penstock.environments.keys import is_encrypted
from penstock.environments.layer import EXTRA, LINK, fields_of
from penstock.environments.loading import load
from penstock.environments.secret_detection import MASK, holds_secret, looks_secret
from penstock.environments.write import encrypt
from penstock.model.connection import Connection, Secret
from penstock.model.errors import UsageError

Names = tuple[str, ...]  # the path of keys to a value in a file


@dataclass(frozen=True, slots=True)
class Taken:
    """The result of an import.

    Args:
        file: The file that was written.
        written: Names of connections and variables that are new or changed.
        unchanged: Names that the environment already had with the same contents.
        encrypted: Number of encrypted secrets.
    """

    file: str
    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    encrypted: int


def take_in(root: Path, environment: str, bundle: Bundle, secret: Collection[str] = ()) -> Taken:
    """Write a bundle to an environment file, atomically and with encrypted secrets.

    Args:
        secret: Names of variables and extra fields that are secrets although their names do not suggest it.

    Raises:
        PenstockError: The file is invalid, or cannot represent the bundle.
    """
    draft = Draft(root, environment)
    # Under the name of the file, so that a missing file counts as an empty environment.
    now = load(root, environment) if draft.path.is_file() else None
    connections = [one for one in bundle.connections if now is None or _connection(now, one.name) != one]
    variables = {
        name: text for name, text in bundle.variables.items() if now is None or _variable(now, name) != text
    }
    texts = {path: text for one in connections for path, text in _fields(draft, now, one).items()}
    texts |= {("variables", name): text for name, text in variables.items()}
    values = {
        path: None if text is None else _closed(root, path[-1], text, secret) for path, text in texts.items()
    }
    _put(draft, values, [one.name for one in connections])
    draft.save()
    written = (*(one.name for one in connections), *variables)
    named = (*(one.name for one in bundle.connections), *bundle.variables)
    return Taken(
        draft.shown,
        written,
        tuple(name for name in named if name not in written),
        sum(values[path] != text for path, text in texts.items()),
    )


def _fields(draft: Draft, now: Environment | None, connection: Connection) -> dict[Names, str | None]:
    """Return the connection's fields by path; None for fields to remove."""
    name = connection.name
    before = now.shown(name) if now is not None and name in now.connection_names() else {}
    fields = {**dict.fromkeys(before), **fields_of(connection)}
    return {_path(draft, name, field): text for field, text in fields.items()}


def _put(draft: Draft, values: Mapping[Names, str | None], connections: Iterable[str]) -> None:
    if not draft.contents():
        draft.begin(write(_nested(values)))
        return
    for name in connections:
        draft.remove(("connections", name, LINK))
    for path, value in values.items():
        draft.put(path, value)


def _nested(values: Mapping[Names, str | None]) -> dict[str, Any]:
    """Return the values as nested mappings."""
    top: dict[str, Any] = {}
    for (*names, last), value in values.items():
        below = top
        for name in names:
            below = below.setdefault(name, {})
        below[last] = value
    return top


def _path(draft: Draft, name: str, field: str) -> Names:
    if field.startswith(EXTRA):
        return "connections", name, "extra", field.removeprefix(EXTRA)
    if field == "database" and draft.has(("connections", name, "schema")):
        field = "schema"  # the other name of database
    return "connections", name, field


def _closed(root: Path, name: str, text: str, secret: Collection[str]) -> str:
    # Text that looks encrypted is plain text here, because other formats have no encrypted values.
    hidden = name in secret or holds_secret(name, text) or _hides_secret(text) or is_encrypted(text)
    return encrypt(root, text) if hidden else text


def _hides_secret(text: str) -> bool:
    """Whether the text is JSON that contains a secret."""
    if text[:1] not in ("{", "["):
        return False
    try:
        return _holds(json.loads(text))
    except (ValueError, RecursionError):
        return False


def _holds(value: Any) -> bool:
    if isinstance(value, dict):
        return any(looks_secret(name) or _holds(one) for name, one in value.items())
    return isinstance(value, list) and any(_holds(one) for one in value)


def _connection(environment: Environment, name: str) -> Connection | None:
    try:
        return environment.connection(name)
    except BadEnvironment:
        return None  # unreadable, so it differs from the imported value


def _variable(environment: Environment, name: str) -> str | None:
    try:
        return environment.variable(name)
    except SecretProblem:
        return None


def give_out(environment: Environment, *, reveal: bool) -> Bundle:
    """Return what an environment provides. Secrets are masked, which needs no key, unless `reveal` is set.

    Raises:
        BadEnvironment: The environment is invalid, or a secret cannot be decrypted.
    """
    served = {
        name: server
        for name in environment.connection_names()
        if (server := environment.served_by(name)) is not None
    }
    names = [name for name in environment.connection_names() if name not in served]
    read = _connection_in_full if reveal else _masked
    variables = {
        name: environment.variable(name) if reveal else environment.explain_variable(name).value
        for name in environment.variable_names()
    }
    return Bundle(
        connections=tuple(read(environment, name) for name in names),
        variables={name: text for name, text in variables.items() if text is not None},
        remarks=tuple(f"{name} is this project's own {server}" for name, server in served.items()),
    )


def _connection_in_full(environment: Environment, name: str) -> Connection:
    found = environment.connection(name)
    if found is None:
        raise UsageError(f"environment {environment.name!r}: unknown name {name!r}")
    return found


def _masked(environment: Environment, name: str) -> Connection:
    shown = environment.shown(name)
    return Connection(
        name=name,
        type=shown.get("type", "generic"),
        host=shown.get("host"),
        port=int(shown["port"]) if "port" in shown else None,
        login=shown.get("login"),
        password=Secret(MASK) if "password" in shown else None,
        database=shown.get("database"),
        extra={field.removeprefix(EXTRA): text for field, text in shown.items() if field.startswith(EXTRA)},
    )
