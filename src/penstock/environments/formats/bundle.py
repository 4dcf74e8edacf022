"""What every format is read into and written from: connections, variables, and remarks on what found no place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.model.connection import Connection


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool of Airflow's, which limits how many of its tasks run at a time.

    Args:
        slots: How many; -1 for any number.
        include_deferred: Tasks that wait in the triggerer count too.
    """

    name: str
    slots: int
    description: str = ""
    include_deferred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Connections and variables on their way from one format to another.

    Args:
        pools: Those of Airflow's, which only its own store can hold.
        remarks: What the format held that has no place elsewhere, such as pools; a line each, without secrets.
    """

    connections: tuple[Connection, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    pools: tuple[Pool, ...] = ()
    remarks: tuple[str, ...] = ()
