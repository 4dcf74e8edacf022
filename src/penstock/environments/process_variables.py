"""Connections from the process's environment, in the form that Airflow reads them: a URI or JSON."""

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
    """The connection that ``PENSTOCK_CONN_<NAME>`` or ``AIRFLOW_CONN_<NAME>`` describes, if one is set.

    Args:
        variables: By default the process's.
        prefixes: What the variables' names may begin with; the first that is set counts.

    Raises:
        UsageError: If the variable holds neither a URI nor JSON; the message names it and shows nothing of it.

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
