"""What every format is read into and written from: connections, variables, and remarks on what found no place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.model.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Connections and variables on their way from one format to another.

    Args:
        remarks: What the format held that has no place elsewhere, such as pools; a line each, without secrets.
    """

    connections: tuple[Connection, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
