"""Exports an environment's connections and variables to other formats."""

from __future__ import annotations

from penstock.environments.environment import Environment
from penstock.environments.formats.bundle import Bundle
from penstock.environments.layer import EXTRA
from penstock.environments.secret_detection import MASK
from penstock.model.connection import Connection, Secret
from penstock.model.errors import UsageError


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
