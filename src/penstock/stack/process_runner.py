"""Parts that are a program: run in a session of their own, their output in the project's logs."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from penstock.stack.postgres.log import open_log
from penstock.stack.processes import Identity, identify, kill_family

_TAIL_BYTES = 4000


@dataclass(frozen=True, slots=True)
class Program:
    """What is run.

    Args:
        argv: The program and its arguments.
        log: Where its output goes; begun anew at a start when it has grown large.
        environment: Its variables, asked for at every start.
        fork: Starts it in another way than by running `argv`; told the variables and the descriptor of the log.
    """

    argv: Sequence[str]
    log: Path
    environment: Callable[[], Mapping[str, str]] = field(repr=False)
    fork: Callable[[Mapping[str, str], int], Started] | None = None

    def start(self, log: int) -> Started:
        """Start it.

        Raises:
            OSError: It cannot be started.
        """
        environment = dict(self.environment())
        return self.fork(environment, log) if self.fork else Spawned(self.argv, environment, log)


class Started(Protocol):
    """A process that was started, or will be in a moment."""

    def poll(self) -> int | None:
        """Its exit code; below 0 for the signal that killed it, None while it runs."""

    def identity(self) -> Identity | None:
        """The process, once it is there."""

    def cancel(self) -> None:
        """Have it killed if it comes to be there only now."""


class Spawned:
    """A process that runs a program of its own."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], log: int) -> None:
        self._process = subprocess.Popen(
            argv,
            env=dict(environment),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self._identity = identify(self._process.pid)

    def poll(self) -> int | None:
        """Its exit code."""
        return self._process.poll()

    def identity(self) -> Identity | None:
        """The process."""
        return self._identity

    def cancel(self) -> None:
        """It is there."""


class Command:
    """A program that runs until it is ended.

    Args:
        name: Of the part.
        is_ready: Told when it was started, in seconds since 1970; whether it does its work now.
        silence_s: For how long it has given no sign of life.
        needs: Parts that must be healthy before it starts.
        at: Where it answers.
    """

    start_limit_s = 180.0

    def __init__(
        self,
        name: str,
        program: Program,
        *,
        is_ready: Callable[[float], bool] = lambda _: True,
        silence_s: Callable[[], float] = lambda: 0.0,
        needs: tuple[str, ...] = (),
        at: str | None = None,
    ) -> None:
        self.name = name
        self.needs = needs
        self._program = program
        self._log = program.log
        self._is_ready = is_ready
        self._silence_s = silence_s
        self._at = at
        self._started = 0.0
        self._process: Started | None = None

    def launch(self) -> None:
        """Clear away what the last start left, and start it.

        Raises:
            OSError: It cannot be started.
        """
        self.kill()  # workers that outlived it would work against the new ones
        with open_log(self._log) as log:
            self._started = time.time()
            self._process = self._program.start(log.fileno())

    def ended(self) -> str | None:
        """Why it ended, with the last line that it wrote; None while it runs."""
        if self._process is None or (code := self._process.poll()) is None:
            return None
        return self.explain(code)

    def explain(self, code: int) -> str:
        """An exit code in words."""
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        last = last_line(self._log)
        return how if code < 0 or not last else f"{how}: {last}"

    def ready(self) -> bool:
        """Whether it does its work."""
        return self._is_ready(self._started)

    def silence_s(self) -> float:
        """For how long it has given no sign of life."""
        return self._silence_s()

    def kill(self) -> None:
        """End it and its children at once."""
        if (process := self._identity()) is not None:
            kill_family(process)
        elif self._process is not None:
            self._process.cancel()

    def process(self) -> Identity | None:
        """The process that was started last."""
        return self._identity()

    def _identity(self) -> Identity | None:
        return None if self._process is None else self._process.identity()

    def address(self) -> str | None:
        """Where it answers."""
        return self._at


class Once(Command):
    """A program that does its work and ends; healthy from then on.

    Args:
        is_done: Whether there is nothing to do, asked before every start.
    """

    start_limit_s = math.inf  # a big database is long in migrating

    def __init__(
        self,
        name: str,
        program: Program,
        *,
        is_done: Callable[[], bool],
        needs: tuple[str, ...] = (),
    ) -> None:
        super().__init__(name, program, needs=needs)
        self._is_done = is_done
        self._skipped = False

    def launch(self) -> None:
        """Start it, unless there is nothing to do.

        Raises:
            OSError: It cannot be started.
        """
        self._skipped = self._is_done()
        if not self._skipped:
            super().launch()

    def ended(self) -> str | None:
        """Why it failed."""
        code = None if self._process is None or self._skipped else self._process.poll()
        return self.explain(code) if code else None

    def ready(self) -> bool:
        """Whether its work is done."""
        return self._skipped or (self._process is not None and self._process.poll() == 0)

    def process(self) -> Identity | None:
        """Its process while it works."""
        return None if self.ready() else super().process()


def last_line(log: Path) -> str:
    """The last line of a log that is not blank."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip() if lines else ""
