"""Connections from the process's environment, in the form that Airflow reads them: a URI or JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from penstock.model.connection import Connection, Secret
from penstock.model.errors import UsageError

# Penstock's own name for it comes first; Airflow's is understood, so that what a deployment sets already works.
PREFIXES = ("PENSTOCK_CONN_", "AIRFLOW_CONN_")

_TYPES = {"postgresql": "postgres"}


def find_connection(name: str, variables: Mapping[str, str] | None = None) -> Connection | None:
    """The connection that ``PENSTOCK_CONN_<NAME>`` or ``AIRFLOW_CONN_<NAME>`` describes, if one is set.

    Raises:
        UsageError: If the variable holds neither a URI nor JSON; the message names it and shows nothing of it.

    Example:
        >>> find_connection("dwh", {"PENSTOCK_CONN_DWH": "postgres://etl:secret@db:5432/dwh"}).host
        'db'
    """
    given = os.environ if variables is None else variables
    for prefix in PREFIXES:
        if text := given.get(f"{prefix}{name.upper()}"):
            return _read(name, f"{prefix}{name.upper()}", text)
    return None


def _read(name: str, variable: str, text: str) -> Connection:
    try:
        if text.lstrip().startswith("{"):
            return _from_json(name, json.loads(text))
        return _from_uri(name, urlsplit(text))
    except (ValueError, KeyError, TypeError):
        # Not chained: the parser's own words would show the value.
        raise UsageError(
            f"{variable} is no connection", hint="set it to postgres://login:password@host:port/database"
        ) from None


def _from_uri(name: str, uri: SplitResult) -> Connection:
    if not uri.scheme:
        raise ValueError(name)
    return Connection(
        name=name,
        type=_TYPES.get(uri.scheme, uri.scheme),
        host=unquote(uri.hostname) if uri.hostname else None,
        port=uri.port,
        login=unquote(uri.username) if uri.username else None,
        password=Secret(unquote(uri.password)) if uri.password else None,
        database=unquote(uri.path[1:]) or None,
        extra=dict(parse_qsl(uri.query)),
    )


def _from_json(name: str, fields: dict[str, Any]) -> Connection:
    extra = fields.get("extra") or {}
    if isinstance(extra, str):
        extra = json.loads(extra)
    return Connection(
        name=name,
        type=_TYPES.get(fields["conn_type"], fields["conn_type"]),
        host=fields.get("host"),
        port=None if fields.get("port") is None else int(fields["port"]),
        login=fields.get("login"),
        password=Secret(fields["password"]) if fields.get("password") else None,
        database=fields.get("schema"),
        extra={key: str(value) for key, value in extra.items()},
    )
