"""Connections from environment variables, in Airflow's notation: a URI or JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from penstock.environments.formats.airflow import from_text
from penstock.environments.secret_detection import Extra
from penstock.model.connection import Connection

OWN = "PENSTOCK_CONN_"
AIRFLOW = "AIRFLOW_CONN_"


def find_connection(
    name: str, variables: Mapping[str, str] | None = None, *, prefixes: Sequence[str] = (OWN, AIRFLOW)
) -> Connection | None:
    """Return the connection in ``PENSTOCK_CONN_<NAME>`` or ``AIRFLOW_CONN_<NAME>``, if one is set.

    Args:
        variables: The environment; by default that of the process.
        prefixes: Prefixes of the variable names; the first one that is set is used.

    Raises:
        UsageError: The variable holds neither a URI nor JSON; the message has its name but not its value.

    Example:
        >>> find_connection("dwh", {"PENSTOCK_CONN_DWH": "postgres://etl:secret@db:5432/dwh"}).host
        'db'
    """
    given = os.environ if variables is None else variables
    for prefix in prefixes:
        variable = f"{prefix}{name.upper()}"
        if text := given.get(variable):
            found = from_text(variable, text)
            return replace(found, name=name, extra=Extra(found.extra))
    return None
