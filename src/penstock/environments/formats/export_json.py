"""What `airflow connections export` and `airflow variables export` write: one JSON object, by name."""

from __future__ import annotations

import json
from typing import Any

from penstock.environments.formats.airflow import from_fields, from_text, to_fields
from penstock.environments.formats.bundle import Bundle
from penstock.model.connection import Connection
from penstock.model.errors import UsageError


def read(text: str) -> Bundle:
    """The connections of an export, or its variables: an object with a ``conn_type``, or a URI, is a connection.

    Raises:
        UsageError: If the text is no JSON object, or a connection is none; the message shows no value.

    Example:
        >>> read('{"region": "north"}').variables
        {'region': 'north'}
    """
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise UsageError(f"this is not JSON: {error}", hint="airflow connections export FILE.json") from None
    if not isinstance(entries, dict):
        raise UsageError("an export is one JSON object, by name", hint="airflow connections export FILE.json")
    connections: list[Connection] = []
    variables: dict[str, str] = {}
    for name, value in entries.items():
        if isinstance(value, dict) and "conn_type" in value:
            connections.append(from_fields(name, value))
        elif isinstance(value, str) and "://" in value and not value.startswith(("http://", "https://")):
            connections.append(from_text(name, value))
        else:
            variables[name] = _text(value)
    return Bundle(connections=tuple(connections), variables=variables)


def write(bundle: Bundle) -> str:
    """The object, as ``airflow connections import`` reads it, so without variables. In the clear."""
    entries = {one.name: to_fields(one) for one in bundle.connections}
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"


def _text(value: Any) -> str:
    # `airflow variables export` may wrap a value together with its description.
    if isinstance(value, dict) and value.keys() <= {"value", "description"} and "value" in value:
        value = value["value"]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
