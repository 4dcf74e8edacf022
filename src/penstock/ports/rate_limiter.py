"""Limits of calls that several processes share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Return:
    """A permit given back.

    Args:
        at: When the call that it was taken for was over, by this process's monotonic clock; None if none was made.
    """

    slot: int
    at: float | None


@dataclass(frozen=True, slots=True)
class Granted:
    """Permits for one call each, and after how many seconds it is worth asking for more."""

    slots: Sequence[int]
    wait_s: float


class Permits(Protocol):
    """A limit of calls that is shared with everybody who calls with the same credential. Safe in any thread."""

    def take(self, wanted: int, used: Sequence[Return]) -> Granted:
        """Give these permits back, and take so many others, or as many as there are.

        A permit that is never given back, because its holder died, comes free by itself after a while.

        Raises:
            ConnectionFailed: If whoever keeps the limit cannot be reached.
        """

    def pause(self, seconds: float) -> None:
        """Nobody gets a permit for so long: the API asked for it."""

    def close(self) -> None:
        """Let go of what was opened."""
