"""One component of the stack: starts after its dependencies, is monitored, and restarts when it ends or hangs."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Literal, Protocol

from penstock.model.errors import PenstockError
from penstock.stack.processes import Identity, activity_s

State = Literal["waiting", "starting", "healthy", "restarting"]

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
STEADY_S = 60.0  # a part that ran this long restarts without backoff
HANG_S = 60.0  # Airflow's own threshold is 30 s, but a busy machine may need longer
# A part that still uses, or waits for, this share of a processor is slow rather than hung; it gets more time.
_STIRS, _SLOW = 0.01, 10


class Runner(Protocol):
    """Starts and inspects a part. Methods must not block, because all parts are stepped in turn."""

    name: str
    needs: tuple[str, ...]
    start_limit_s: float  # a live part that is not ready by then counts as hung

    def launch(self) -> None:
        """Begin to start the part."""

    def ended(self) -> str | None:
        """Return why the part is not running, or None while it runs."""

    def ready(self) -> bool:
        """Whether the part does its work."""

    def silence_s(self) -> float:
        """Return the seconds since the last heartbeat of the running part."""

    def kill(self) -> None:
        """Kill the part because it hangs."""

    def process(self) -> Identity | None:
        """Return the part's process, if any."""

    def address(self) -> str | None:
        """Return the address of the part, if any."""


class Part:
    """The lifecycle of one part.

    Args:
        runner: Starts the part.
        clock: A monotonic clock in seconds.
        hang_s: Seconds without a heartbeat after which the part counts as hung and is restarted.
        activity_s: Returns the processor time of a process plus its waiting time for a processor.
    """

    def __init__(
        self,
        runner: Runner,
        clock: Callable[[], float] = time.monotonic,
        *,
        hang_s: float = HANG_S,
        activity_s: Callable[[Identity | None], float] = activity_s,
    ) -> None:
        self.runner = runner
        self._hang_s = hang_s
        self._activity_s = activity_s
        self._midway: tuple[float, float] | None = None
        self.state: State = "waiting"
        self.restarts = 0
        self.reason: str | None = None
        self.took_s: float | None = None
        self.since = time.time()
        self._clock = clock
        self._began = clock()
        self._due = 0.0
        self._in_a_row = 0

    @property
    def name(self) -> str:
        """The name of the part."""
        return self.runner.name

    def step(self, healthy: Collection[str]) -> None:
        """Check the part once, and start, restart or kill it if necessary.

        Args:
            healthy: Names of the parts that are healthy now.
        """
        if self.state == "waiting":
            if all(name in healthy for name in self.runner.needs):
                self._launch()
        elif self.state == "restarting":
            if self._clock() >= self._due:
                self._launch()
        elif (reason := self.runner.ended()) is not None:
            self._fell(reason)
        elif (reason := self._hangs()) is not None:
            self.runner.kill()
            self._fell(reason)
        elif self.state == "starting" and self.runner.ready():
            self.took_s = round(self._clock() - self._began, 2)
            self._enter("healthy")

    def expect_restart(self) -> None:
        """Expect an intended stop: restart at once, and do not count it as a failure."""
        self.reason = "restarted on request"
        self._due = 0.0
        self._in_a_row = 0
        self._enter("restarting")

    def _hangs(self) -> str | None:
        if self.state == "starting":
            late = self._clock() - self._began > self.runner.start_limit_s
            return f"hung: not ready after {self.runner.start_limit_s:.0f} s" if late else None
        silence_s = self.runner.silence_s()
        if silence_s <= self._hang_s / 2:
            self._midway = None
        elif self._midway is None:
            self._midway = silence_s, self._activity_s(self.runner.process())
        patience_s = self._hang_s * (_SLOW if self._stirs(silence_s) else 1)
        return f"hung: no sign of life for {silence_s:.0f} s" if silence_s > patience_s else None

    def _stirs(self, silence_s: float) -> bool:
        """Whether its process used or waited for a processor in the second half of the silence."""
        if self._midway is None:
            return False
        then_s, before_s = self._midway
        moved_s = self._activity_s(self.runner.process()) - before_s
        return moved_s > _STIRS * (silence_s - then_s)

    def _launch(self) -> None:
        self._began = self._clock()
        self._enter("starting")
        try:
            self.runner.launch()
        except (OSError, PenstockError) as error:  # such as a full disk or a damaged key file
            self._fell(str(error))

    def _fell(self, reason: str) -> None:
        if self.state == "healthy" and self._clock() - self._began > STEADY_S:
            self._in_a_row = 0
        self.reason = reason
        self.restarts += 1
        self._due = self._clock() + pause_s(self._in_a_row)
        self._in_a_row += 1
        self._enter("restarting")

    def _enter(self, state: State) -> None:
        self.state = state
        self.since = time.time()


def pause_s(falls: int) -> float:
    """Return the seconds to wait before the next start.

    Args:
        falls: Number of previous consecutive failures.

    Example:
        >>> [pause_s(falls) for falls in (0, 1, 2, 9)]
        [0.5, 1.0, 2.0, 30.0]
    """
    return min(FIRST_PAUSE_S * 2.0 ** min(falls, 10), LONGEST_PAUSE_S)
