"""Connections in Airflow's notations: named fields, JSON and URI."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from penstock.environments.formats.bundle import Bundle, to_texts, to_values
from penstock.model.connection import Connection, Secret
from penstock.model.errors import UsageError

EXTRA_KEY = "__extra__"  # Airflow's name for extra fields that a query string cannot hold

_FROM_AIRFLOW = {"postgresql": "postgres", "aws": "s3"}
_TO_AIRFLOW = {"s3": "aws"}


def from_fields(name: str, fields: Mapping[str, Any]) -> Connection:
    """Build a connection from Airflow's fields (``conn_type``, ``schema``, ``extra`` …).

    Raises:
        UsageError: The fields are invalid; the message shows no values.

    Example:
        >>> from_fields("dwh", {"conn_type": "postgres", "schema": "sales", "port": "5432"}).database
        'sales'
    """
    try:
        return _from_fields(name, fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        # Not chained, because the parser's message would show the value.
        raise UsageError(
            f"{name}: invalid connection fields",
            hint="conn_type is required, port must be a number, extra must be JSON",
        ) from None


def to_fields(connection: Connection) -> dict[str, Any]:
    """Return the connection as Airflow's fields, without empty ones. The password is in plain text.

    Example:
        >>> to_fields(Connection(name="dwh", type="postgres", database="sales"))
        {'conn_type': 'postgres', 'schema': 'sales'}
    """
    extra: dict[str, Any] = to_values(connection.extra)
    schema = connection.database
    if connection.type == "snowflake":  # Airflow stores Snowflake's database in the extra fields
        schema = extra.pop("schema", None)
        if connection.database is not None:
            extra["database"] = connection.database
    fields = {
        "conn_type": _TO_AIRFLOW.get(connection.type, connection.type),
        "host": connection.host,
        "login": connection.login,
        "password": connection.password.reveal() if connection.password else None,
        "schema": schema if schema is None else str(schema),
        "port": connection.port,
        "extra": extra or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def to_json(connection: Connection) -> str:
    """Return the connection as the value of an ``AIRFLOW_CONN_`` variable. The password is in plain text."""
    return json.dumps(to_fields(connection))


def from_text(name: str, text: str) -> Connection:
    """Parse a connection from a URI or JSON, such as the value of an ``AIRFLOW_CONN_`` variable.

    Raises:
        UsageError: The text is neither; the message does not show it.

    Example:
        >>> from_text("dwh", "postgres://etl:secret@db:5432/sales").host
        'db'
        >>> from_text("pypi", "https://pypi.org").type, from_text("pypi", "https://pypi.org").host
        ('http', 'https://pypi.org')
    """
    try:
        if text.lstrip().startswith("{"):
            return _from_fields(name, json.loads(text))
        return _from_uri(name, text.strip())
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(
            f"{name}: invalid connection", hint="use postgres://login:password@host:port/database"
        ) from None


def to_uri(connection: Connection) -> str:
    """Return the connection as a URI in Airflow's notation. The password is in plain text.

    Example:
        >>> to_uri(Connection(name="dwh", type="postgres", host="db", port=5432, database="sales"))
        'postgres://db:5432/sales'
    """
    fields = to_fields(connection)
    protocol, _, host = str(fields.get("host", "")).rpartition("://")
    login, password = fields.get("login"), fields.get("password")
    account = "" if login is None else quote(login, safe="")
    account += "" if password is None else f":{quote(password, safe='*')}"
    place = quote(host, safe="") + (f":{fields['port']}" if "port" in fields else "")
    return (
        f"{str(fields['conn_type']).replace('_', '-')}://"
        + (f"{protocol}://" if protocol else "")
        + (f"{account}@" if account or (not host and place) else "")
        + place
        + (f"/{quote(fields['schema'], safe='')}" if "schema" in fields else "")
        + _query(fields.get("extra", {}), after_path="schema" in fields)
    )


def _query(extra: Mapping[str, Any], *, after_path: bool) -> str:
    if not extra:
        return ""
    simple = all(isinstance(value, str) for value in extra.values()) and EXTRA_KEY not in extra
    query = urlencode(extra if simple else {EXTRA_KEY: json.dumps(extra)})
    return f"{'' if after_path else '/'}?{query}"


def _from_uri(name: str, uri: str) -> Connection:
    scheme, separator, rest = uri.partition("://")
    if not separator or not scheme:
        raise ValueError(name)
    protocol, separator, address = rest.partition("://")
    if not separator or not protocol.isalnum():
        protocol, address = "", rest
    if scheme == "https" and not protocol:  # a plain address of a web service
        scheme, protocol = "http", scheme
    parts = urlsplit(f"//{address}")
    host = _host(parts)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return _from_fields(
        name,
        {
            "conn_type": scheme.replace("-", "_"),
            "host": f"{protocol}://{host}" if protocol and host else host,
            "port": parts.port,
            "login": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "schema": unquote(parts.path[1:]),
            "extra": query.get(EXTRA_KEY, query),
        },
    )


def _host(parts: SplitResult) -> str:
    """Return the host as written; `SplitResult.hostname` would convert it to lower case, including escapes."""
    place = parts.netloc.rpartition("@")[2]
    if place.startswith("["):
        return place[1:].partition("]")[0]
    return unquote(place.partition(":")[0])


def _from_fields(name: str, fields: Mapping[str, Any]) -> Connection:
    extra = _extra(fields.get("extra"))
    kind = str(fields["conn_type"])
    if not kind:
        raise ValueError(name)
    kind = _FROM_AIRFLOW.get(kind, kind)
    schema = fields.get("schema") or None
    database = schema
    if kind == "snowflake":
        database = extra.pop("database", None)
        extra |= {} if schema is None else {"schema": str(schema)}
    port = fields.get("port")
    return Connection(
        name=name,
        type=kind,
        host=_text(fields.get("host")),
        port=None if port in (None, "") else int(str(port)),
        login=_text(fields.get("login")),
        password=Secret(str(fields["password"])) if fields.get("password") else None,
        database=_text(database),
        extra=extra,
    )


def _extra(given: Any) -> dict[str, str]:
    values = json.loads(given) if isinstance(given, str) and given.strip() else given
    return to_texts(dict(values or {}))


def _text(value: Any) -> str | None:
    return str(value) if value not in (None, "") else None


def read(text: str) -> Bundle:
    """Parse the connections or variables of an export. Objects with ``conn_type``, and URIs, are connections.

    Raises:
        UsageError: The text is not a JSON object, or a connection is invalid; the message shows no values.

    Example:
        >>> read('{"region": "north"}').variables
        {'region': 'north'}
    """
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"invalid JSON: {error}", hint="create the file with airflow connections export FILE.json"
        ) from None
    if not isinstance(entries, dict):
        raise UsageError(
            "the export is not a JSON object",
            hint="create the file with airflow connections export FILE.json",
        )
    connections: list[Connection] = []
    variables: dict[str, str] = {}
    for name, value in entries.items():
        if isinstance(value, dict) and "conn_type" in value:
            connections.append(from_fields(name, value))
        elif isinstance(value, str) and "://" in value and not value.startswith(("http://", "https://")):
            connections.append(from_text(name, value))
        else:
            variables[name] = _export_json_text(value)
    return Bundle(connections=tuple(connections), variables=variables)


def write(bundle: Bundle) -> str:
    """Return the object for ``airflow connections import``, without variables. Secrets are in plain text."""
    entries = {one.name: to_fields(one) for one in bundle.connections}
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"


def _export_json_text(value: Any) -> str:
    # `airflow variables export` may store a value together with its description.
    if isinstance(value, dict) and value.keys() <= {"value", "description"} and "value" in value:
        value = value["value"]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
