"""Who is told how far a copy is."""

from __future__ import annotations

from typing import Protocol

from penstock.ports.landings import Underway


class Progress(Protocol):
    """Told how far a copy is; never asked anything."""

    def advance(self, rows: int, rejected: int) -> None:
        """So many rows more were read, of which so many were rejected."""

    def update(self, now: Underway) -> None:
        """How far a landing is; other copies report by :meth:`advance`."""
