"""Runners for programs: each in its own session, with its output in the project's logs."""

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

from penstock.stack.postgres.server import open_log
from penstock.stack.processes import Identity, identify, kill_family

_TAIL_BYTES = 4000


@dataclass(frozen=True, slots=True)
class Program:
    """A program to run.

    Args:
        argv: The program and its arguments.
        log: File for the output; replaced at a start when it has become large.
        environment: Returns the environment; called at every start.
        fork: Alternative to running `argv`; called with the environment and the descriptor of the log.
    """

    argv: Sequence[str]
    log: Path
    environment: Callable[[], Mapping[str, str]] = field(repr=False)
    fork: Callable[[Mapping[str, str], int], Started] | None = None

    def start(self, log: int) -> Started:
        """Start the program.

        Raises:
            OSError: The program cannot be started.
        """
        environment = dict(self.environment())
        return self.fork(environment, log) if self.fork else Spawned(self.argv, environment, log)


class Started(Protocol):
    """A process that has started or is about to start."""

    def poll(self) -> int | None:
        """Return the exit code; negative for a signal, None while it runs."""

    def identity(self) -> Identity | None:
        """Return the process, once it has started."""

    def cancel(self) -> None:
        """Kill the process if it has not started yet."""


class Spawned:
    """A process that runs a separate program."""

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
        """Return the exit code."""
        return self._process.poll()

    def identity(self) -> Identity | None:
        """Return the process."""
        return self._identity

    def cancel(self) -> None:
        """Do nothing: the process has started."""


class Command:
    """A long-running program as a part of the stack.

    Args:
        name: Name of the part.
        is_ready: Whether the part works; called with its start time in seconds since 1970.
        silence_s: Returns the seconds without a heartbeat.
        needs: Parts that must be healthy before this one starts.
        at: Address of the part.
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
        """Kill processes left from the last start, then start the program.

        Raises:
            OSError: The program cannot be started.
        """
        self.kill()  # leftover workers would conflict with the new ones
        with open_log(self._log) as log:
            self._started = time.time()
            self._process = self._program.start(log.fileno())

    def ended(self) -> str | None:
        """Return why the program ended, with the last line of its log; None while it runs."""
        if self._process is None or (code := self._process.poll()) is None:
            return None
        return self.explain(code)

    def explain(self, code: int) -> str:
        """Describe an exit code."""
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        last = last_line(self._log)
        return how if code < 0 or not last else f"{how}: {last}"

    def ready(self) -> bool:
        """Whether the program does its work."""
        return self._is_ready(self._started)

    def silence_s(self) -> float:
        """Return the seconds without a heartbeat."""
        return self._silence_s()

    def kill(self) -> None:
        """Kill the program and its children."""
        if (process := self._identity()) is not None:
            kill_family(process)
        elif self._process is not None:
            self._process.cancel()

    def process(self) -> Identity | None:
        """Return the process started last."""
        return self._identity()

    def _identity(self) -> Identity | None:
        return None if self._process is None else self._process.identity()

    def address(self) -> str | None:
        """Return the address of the part."""
        return self._at


class Once(Command):
    """A program that does its work and exits, such as a migration; healthy after that.

    Args:
        is_done: Whether there is nothing to do; called before every start.
    """

    start_limit_s = math.inf  # migrating a large database takes long

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
        """Start the program, unless there is nothing to do.

        Raises:
            OSError: The program cannot be started.
        """
        self._skipped = self._is_done()
        if not self._skipped:
            super().launch()

    def ended(self) -> str | None:
        """Return why the program failed."""
        code = None if self._process is None or self._skipped else self._process.poll()
        return self.explain(code) if code else None

    def ready(self) -> bool:
        """Whether the work is done."""
        return self._skipped or (self._process is not None and self._process.poll() == 0)

    def process(self) -> Identity | None:
        """Return the process while it runs."""
        return None if self.ready() else super().process()


def last_line(log: Path) -> str:
    """Return the last non-blank line of a log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip() if lines else ""
