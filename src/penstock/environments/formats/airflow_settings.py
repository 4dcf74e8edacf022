"""`airflow_settings.yaml`, the file for connections, variables and pools in Astro projects."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from penstock.environments.formats.airflow import from_fields, from_text, to_fields
from penstock.environments.formats.bundle import Bundle, Pool
from penstock.environments.formats.yaml_io import dump_yaml, load_yaml
from penstock.model.connection import Connection
from penstock.model.errors import UsageError

_FIELDS = ("type", "host", "schema", "login", "password", "port", "extra")
_AIRFLOW = {name: "conn_type" if name == "type" else name for name in _FIELDS}


def read(text: str) -> Bundle:
    """Parse the connections and variables; entries without a name, as in the original template, are skipped.

    Raises:
        UsageError: The text is not such a file, or a connection is invalid; the message shows no values.

    Example:
        >>> read("airflow: {variables: [{variable_name: region, variable_value: north}]}").variables
        {'region': 'north'}
    """
    airflow = _section(text)
    connections = tuple(_connection(one) for one in _entries(airflow, "connections") if one.get("conn_id"))
    variables = {
        str(one["variable_name"]): _text(one.get("variable_value"))
        for one in _entries(airflow, "variables")
        if one.get("variable_name")
    }
    pools = tuple(_pool(one) for one in _entries(airflow, "pools") if one.get("pool_name"))
    return Bundle(
        connections=connections,
        variables=variables,
        pools=pools,
        remarks=tuple(
            f"pool {one.name} of {one.slots} slots belongs to Airflow: "
            + shlex.join(["airflow", "pools", "set", one.name, str(one.slots), one.description])
            for one in pools
        ),
    )


def write(bundle: Bundle) -> str:
    """Return the text of the file. Secrets are in plain text."""
    connections = []
    for connection in bundle.connections:
        fields = to_fields(connection)
        entry = {f"conn_{name}": fields.get(_AIRFLOW[name]) for name in _FIELDS}
        connections.append({"conn_id": connection.name, **{k: v for k, v in entry.items() if v is not None}})
    variables = [{"variable_name": name, "variable_value": value} for name, value in bundle.variables.items()]
    pools = [
        {
            "pool_name": pool.name,
            "pool_slot": pool.slots,
            "pool_description": pool.description,
            **({"pool_include_deferred": True} if pool.include_deferred else {}),
        }
        for pool in bundle.pools
    ]
    airflow = {"connections": connections, "pools": pools, "variables": variables}
    return dump_yaml({"airflow": airflow})


def _pool(entry: Mapping[str, Any]) -> Pool:
    name, slots = str(entry["pool_name"]), entry.get("pool_slot")
    if not isinstance(slots, int) or isinstance(slots, bool) or slots < -1:
        raise UsageError(f"pool {name}: pool_slot must be an integer", hint="use -1 for no limit")
    description = str(entry.get("pool_description") or "")
    return Pool(name, slots, description, bool(entry.get("pool_include_deferred")))


def _section(text: str) -> Mapping[str, Any]:
    settings = load_yaml(text)
    airflow = settings.get("airflow") if isinstance(settings, dict) else None
    if not isinstance(airflow, dict):
        raise UsageError("missing section airflow", hint="check that this is an airflow_settings.yaml")
    return airflow


def _entries(airflow: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    entries = airflow.get(name) or []
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise UsageError(
            f"airflow.{name} must be a list of entries", hint=f"begin each with '- {name[:4]}_...'"
        )
    return entries


def _connection(entry: Mapping[str, Any]) -> Connection:
    name = str(entry["conn_id"])
    if entry.get("conn_uri"):
        return from_text(name, str(entry["conn_uri"]))
    given = {_AIRFLOW[field]: entry.get(f"conn_{field}") for field in _FIELDS}
    return from_fields(name, {field: value for field, value in given.items() if value is not None})


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
