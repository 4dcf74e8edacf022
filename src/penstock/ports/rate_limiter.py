"""Protocol of rate limits shared by several processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Return:
    """A returned permit.

    Args:
        at: When its call ended, by this process's monotonic clock; None if no call was made.
    """

    slot: int
    at: float | None


@dataclass(frozen=True, slots=True)
class Granted:
    """Permits for one call each, and the number of seconds to wait before asking for more."""

    slots: Sequence[int]
    wait_s: float


class Permits(Protocol):
    """A rate limit shared by all processes with the same credential. Thread-safe."""

    def take(self, wanted: int, used: Sequence[Return]) -> Granted:
        """Return these permits, and take up to ``wanted`` others.

        A permit that is never returned, because its holder died, expires after a while.

        Raises:
            ConnectionFailed: If the server of the limit is unreachable.
        """

    def pause(self, seconds: float) -> None:
        """Grant no permits for this many seconds, as the API demanded."""

    def close(self) -> None:
        """Close the resources."""
