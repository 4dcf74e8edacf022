"""dbt's `profiles.yml`: the outputs for Postgres and Snowflake."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from penstock.environments.formats.bundle import Bundle, to_texts
from penstock.environments.formats.yaml_io import dump_yaml, load_yaml
from penstock.model.connection import Connection, Secret
from penstock.model.errors import UsageError

# Fields of an output that describe the connection; the other fields are settings of dbt.
_PLACE = {
    "postgres": ("host", "port", "login", "password", "database"),
    "snowflake": ("login", "password", "database"),
}
_FURTHER = {
    "postgres": ("sslmode", "sslcert", "sslkey", "sslrootcert", "connect_timeout", "keepalives_idle"),
    "snowflake": (
        "account",
        "warehouse",
        "role",
        "schema",
        "authenticator",
        "private_key",
        "private_key_path",
        "private_key_passphrase",
        "token",
    ),
}
_DBT_NAMES = {"postgres": {"login": "user", "database": "dbname"}, "snowflake": {"login": "user"}}
_ALIASES = {"pass": "password", "dbname": "database", "user": "login"}
_REQUIRED = {"postgres": {"schema": "public"}, "snowflake": {"schema": "PUBLIC"}}
_NUMBERS = ("connect_timeout", "keepalives_idle")
THREADS = 4

_ENV_VAR = re.compile(
    r"""\{\{\s*env_var\(\s*(['"])(?P<name>\w+)\1\s*(?:,\s*(['"])(?P<default>[^'"]*)\3\s*)?\)"""
    r"""\s*(?:\|\s*(?:as_number|as_text|as_bool|as_native|int)\s*)?\}\}"""
)


def read(text: str, variables: Mapping[str, str]) -> Bundle:
    """Parse each output as a connection with its name, prefixed with the profile if two profiles share the name.

    Args:
        variables: Values for ``env_var('NAME')``.

    Raises:
        UsageError: The text is not such a file, or a variable is not set.

    Example:
        >>> read("shop: {outputs: {dev: {type: postgres, host: db, dbname: sales}}}", {}).connections[0].name
        'dev'
    """
    found = [(profile, name, output) for profile, name, output in _outputs(load_yaml(text))]
    names = [name for _, name, _ in found]
    connections: list[Connection] = []
    remarks: list[str] = []
    for profile, name, output in found:
        alias = name if names.count(name) == 1 else f"{profile}_{name}"
        fields = {_ALIASES.get(key, key): _resolved(value, alias, variables) for key, value in output.items()}
        kind = str(fields.pop("type", None))
        if kind not in _PLACE:
            remarks.append(f"{alias}: unsupported type {kind}; only {' and '.join(_PLACE)} are imported")
            continue
        connections.append(_connection(alias, kind, fields))
        known = (*_PLACE[kind], *_FURTHER[kind])
        remarks += [
            f"{alias}: {key} is a dbt setting and stays in profiles.yml" for key in fields if key not in known
        ]
    return Bundle(connections=tuple(connections), remarks=tuple(remarks))


def write(bundle: Bundle, profile: str = "penstock") -> str:
    """Return a profile with an output for each Postgres and Snowflake connection; the first one is the target.

    Secrets are in plain text.
    """
    outputs = {one.name: _output(one) for one in bundle.connections if one.type in _PLACE}
    target = {"target": next(iter(outputs))} if outputs else {}
    return dump_yaml({profile: {**target, "outputs": outputs}})


def left_out(bundle: Bundle) -> tuple[str, ...]:
    """Return what `write` leaves out of the connections, one line each."""
    others = [
        f"{one.name}: unsupported type {one.type}" for one in bundle.connections if one.type not in _PLACE
    ]
    further = [
        f"{one.name}: dbt has no field {key}"
        for one in bundle.connections
        if one.type in _PLACE
        for key in one.extra
        if key not in _FURTHER[one.type]
    ]
    return (*others, *further)


def _outputs(profiles: Any) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    wrong = UsageError("missing profile with outputs", hint="check that this is a profiles.yml")
    if not isinstance(profiles, dict):
        raise wrong
    some = False
    for profile, settings in profiles.items():
        outputs = settings.get("outputs") if isinstance(settings, dict) else None
        if profile == "config" or not isinstance(outputs, dict):
            continue
        some = True
        for name, output in outputs.items():
            if not isinstance(output, dict):
                raise wrong
            yield str(profile), str(name), output
    if not some:
        raise wrong


def _resolved(value: Any, alias: str, variables: Mapping[str, str]) -> Any:
    """Return the value with `env_var` replaced; other templates are not supported."""
    if not isinstance(value, str) or "{{" not in value:
        return value

    def fill(match: re.Match[str]) -> str:
        text = variables.get(match["name"], match["default"])
        if text is None:
            raise UsageError(
                f"{alias}: variable {match['name']} is not set", hint=f"set {match['name']} and import again"
            )
        return text

    filled = _ENV_VAR.sub(fill, value)
    if "{{" in _ENV_VAR.sub("", value):
        raise UsageError(
            f"{alias}: unsupported template", hint="use env_var, or replace the template with its value"
        )
    return filled


def _connection(alias: str, kind: str, fields: Mapping[str, Any]) -> Connection:
    extra = {key: fields[key] for key in _FURTHER[kind] if fields.get(key) is not None}
    host, port, login, password, database = (
        fields.get(key) if key in _PLACE[kind] else None
        for key in ("host", "port", "login", "password", "database")
    )
    if port is not None and not str(port).isdecimal():
        raise UsageError(f"{alias}: invalid port", hint="use a number")
    return Connection(
        name=alias,
        type=kind,
        host=_text(host),
        port=None if port is None else int(port),
        login=_text(login),
        password=None if password in (None, "") else Secret(str(password)),
        database=_text(database),
        extra=to_texts(extra),
    )


def _output(connection: Connection) -> dict[str, Any]:
    kind = connection.type
    password = connection.password.reveal() if connection.password else None
    place = {name: getattr(connection, name) for name in _PLACE[kind]} | {"password": password}
    extra = {
        key: int(value) if key in _NUMBERS and value.isdecimal() else value
        for key, value in connection.extra.items()
        if key in _FURTHER[kind]
    }
    known = {_DBT_NAMES[kind].get(name, name): value for name, value in place.items() if value is not None}
    return {"type": kind, **_REQUIRED[kind], **known, **extra, "threads": THREADS}


def _text(value: Any) -> str | None:
    return str(value) if value not in (None, "") else None
