"""One part of the stack, brought up and kept up: waits for those it needs, is watched, and restarted when it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Literal, Protocol

from penstock.model.errors import PenstockError
from penstock.stack.processes import Identity, activity_s

State = Literal["waiting", "starting", "healthy", "restarting"]

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
STEADY_S = 60.0  # a part that ran this long begins with the first pause again
HANG_S = 60.0  # Airflow's own threshold is 30 s; a machine that is busy with a big load may be late
# One that still uses, or waits for, so much of a processor may be slow, because the machine is; it is given more time.
_STIRS, _SLOW = 0.01, 10


class Runner(Protocol):
    """How a part is started and looked at. No method waits for long: all parts are stepped in turn."""

    name: str
    needs: tuple[str, ...]
    start_limit_s: float  # one that lives but is not ready by then hangs

    def launch(self) -> None:
        """Begin to start it."""

    def ended(self) -> str | None:
        """Why it does not run, or None while it does."""

    def ready(self) -> bool:
        """Whether it does what it is there for."""

    def silence_s(self) -> float:
        """For how long it has given no sign of life, although it runs."""

    def kill(self) -> None:
        """End it at once, because it hangs."""

    def process(self) -> Identity | None:
        """Its process, where it has one."""

    def address(self) -> str | None:
        """Where it answers."""


class Part:
    """The life of one part.

    Args:
        runner: Starts it.
        clock: Seconds that only grow.
        hang_s: Without a sign of life for so long it hangs, and is killed and started again.
        activity_s: Processor time of a process, grown by what it had to wait for.
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
        """The runner's."""
        return self.runner.name

    def step(self, healthy: Collection[str]) -> None:
        """Look at it once, and do what is due.

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
        """It is ended on purpose: start it again at once, and do not count it as a fall."""
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
        """Whether its process did anything, or would have liked to, in the second half of the silence."""
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
        except (OSError, PenstockError) as error:  # such as a full disk, or a damaged file of keys
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
    """How long to wait before another start.

    Args:
        falls: How often it fell in a row before.

    Example:
        >>> [pause_s(falls) for falls in (0, 1, 2, 9)]
        [0.5, 1.0, 2.0, 30.0]
    """
    return min(FIRST_PAUSE_S * 2.0 ** min(falls, 10), LONGEST_PAUSE_S)
