"""The common representation of all formats: connections, variables, and remarks about everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.model.connection import Connection


@dataclass(frozen=True, slots=True)
class Pool:
    """An Airflow pool, which limits the number of concurrent tasks.

    Args:
        slots: Number of slots; -1 for no limit.
        include_deferred: Whether deferred tasks take slots.
    """

    name: str
    slots: int
    description: str = ""
    include_deferred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Connections and variables in transit between formats.

    Args:
        pools: Airflow pools, which only Airflow's own database can hold.
        remarks: Contents that have no equivalent elsewhere, such as pools; one line each, without secrets.
    """

    connections: tuple[Connection, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    pools: tuple[Pool, ...] = ()
    remarks: tuple[str, ...] = ()
