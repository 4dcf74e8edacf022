"""Takes connections and variables of other formats into an environment's file, and gives them out again."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.environments.draft import Draft
from penstock.environments.environment import Environment
from penstock.environments.formats.bundle import Bundle
from penstock.environments.keys import is_encrypted
from penstock.environments.layer import EXTRA, LINK
from penstock.environments.loading import load
from penstock.environments.names import MASK, holds_secret, looks_secret
from penstock.environments.problems import BadEnvironment, SecretProblem
from penstock.environments.writing import encrypt
from penstock.model.connection import Connection, Secret
from penstock.model.errors import UsageError


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken in.

    Args:
        file: The file it was written to.
        written: Names of connections and variables that are new or differ from what the environment said.
        unchanged: Names of those that it said already.
        encrypted: How many secrets were encrypted.
    """

    file: str
    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    encrypted: int


def take_in(root: Path, environment: str, bundle: Bundle, secret: Collection[str] = ()) -> Taken:
    """Write a bundle into an environment's file, secrets encrypted. All of it is written, or nothing.

    Args:
        secret: Names of variables and further fields that are secrets, though their names do not tell.

    Raises:
        PenstockError: If the file is wrong, or what is taken in cannot stand in one.
    """
    draft = Draft(root, environment)
    # Under the name of the file, so that a file that is not there yet is an empty environment.
    now = load(root, environment) if draft.path.is_file() else None
    written, unchanged, encrypted = [], [], 0
    for connection in bundle.connections:
        if now is not None and _connection(now, connection.name) == connection:
            unchanged.append(connection.name)
            continue
        fields = fields_of(connection)
        before = now.shown(connection.name) if now and connection.name in now.connection_names() else {}
        encrypted += _put(root, draft, connection.name, {**dict.fromkeys(before), **fields}, secret)
        written.append(connection.name)
    for name, text in bundle.variables.items():
        if now is not None and _variable(now, name) == text:
            unchanged.append(name)
            continue
        closed = _closed(root, name, text, secret)
        draft.put(("variables", name), closed)
        encrypted += closed != text
        written.append(name)
    draft.save()
    return Taken(draft.shown, tuple(written), tuple(unchanged), encrypted)


def give_out(environment: Environment, *, reveal: bool) -> Bundle:
    """What an environment provides; secrets are masked, which needs no key, unless they are to be revealed.

    Raises:
        BadEnvironment: If something is wrong with it, or a secret cannot be decrypted.
    """
    names = environment.connection_names()
    read = _connection_in_full if reveal else _masked
    variables = {
        name: environment.variable(name) if reveal else environment.explain_variable(name).value
        for name in environment.variable_names()
    }
    return Bundle(
        connections=tuple(read(environment, name) for name in names),
        variables={name: text for name, text in variables.items() if text is not None},
    )


def fields_of(connection: Connection) -> dict[str, str]:
    """The connection's fields as a file names them, those without a value left out. Secrets in the clear.

    Example:
        >>> fields_of(Connection(name="dwh", type="postgres", port=5432, extra={"sslmode": "require"}))
        {'type': 'postgres', 'port': '5432', 'extra.sslmode': 'require'}
    """
    fields = {
        "type": connection.type,
        "host": connection.host,
        "port": None if connection.port is None else str(connection.port),
        "login": connection.login,
        "password": connection.password.reveal() if connection.password else None,
        "database": connection.database,
        **{f"{EXTRA}{name}": text for name, text in connection.extra.items()},
    }
    return {name: text for name, text in fields.items() if text is not None}


def _put(
    root: Path, draft: Draft, name: str, fields: Mapping[str, str | None], secret: Collection[str]
) -> int:
    """Set every field, None taking one away; how many were encrypted."""
    draft.remove(("connections", name, LINK))
    encrypted = 0
    for field, text in fields.items():
        path = _path(draft, name, field)
        closed = None if text is None else _closed(root, path[-1], text, secret)
        draft.put(path, closed)
        encrypted += closed != text
    return encrypted


def _path(draft: Draft, name: str, field: str) -> tuple[str, ...]:
    if field.startswith(EXTRA):
        return "connections", name, "extra", field.removeprefix(EXTRA)
    if field == "database" and draft.has(("connections", name, "schema")):
        field = "schema"  # its other name
    return "connections", name, field


def _closed(root: Path, name: str, text: str, secret: Collection[str]) -> str:
    # A text that looks encrypted is none here: it was in another format, which knows nothing of that.
    hidden = name in secret or holds_secret(name, text) or _hides_secret(text) or is_encrypted(text)
    return encrypt(root, text) if hidden else text


def _hides_secret(text: str) -> bool:
    """Whether a text is JSON with a secret somewhere inside."""
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
        return None  # whatever it is, it is not what is taken in


def _variable(environment: Environment, name: str) -> str | None:
    try:
        return environment.variable(name)
    except SecretProblem:
        return None


def _connection_in_full(environment: Environment, name: str) -> Connection:
    found = environment.connection(name)
    if found is None:
        raise UsageError(f"environment {environment.name!r}: no {name!r}")
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
