"""The JSON of `airflow connections export` and `airflow variables export`: one object, by name."""

from __future__ import annotations

import json
from typing import Any

from penstock.environments.formats.airflow import from_fields, from_text, to_fields
from penstock.environments.formats.bundle import Bundle
from penstock.model.connection import Connection
from penstock.model.errors import UsageError


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
            variables[name] = _text(value)
    return Bundle(connections=tuple(connections), variables=variables)


def write(bundle: Bundle) -> str:
    """Return the object for ``airflow connections import``, without variables. Secrets are in plain text."""
    entries = {one.name: to_fields(one) for one in bundle.connections}
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"


def _text(value: Any) -> str:
    # `airflow variables export` may store a value together with its description.
    if isinstance(value, dict) and value.keys() <= {"value", "description"} and "value" in value:
        value = value["value"]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
