"""Runner for an embedded Postgres server: a detached process, monitored through its pid file."""

from __future__ import annotations

import math
import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor

from penstock.model.errors import PenstockError
from penstock.project import Project
from penstock.stack.health import Pulse
from penstock.stack.postgres import cluster, server
from penstock.stack.postgres.manage import ensure
from penstock.stack.postgres.server import log_path
from penstock.stack.process_runner import last_line
from penstock.stack.processes import Identity, identify


class Embedded:
    """An embedded server and its database, as a part of the stack.

    Args:
        name: Name of the server.
        pool: Runs the start, which blocks.
        database: Database to create in it.
    """

    needs: tuple[str, ...] = ()
    start_limit_s = math.inf  # the start has its own limit

    def __init__(
        self,
        project: Project,
        name: str,
        pool: ThreadPoolExecutor,
        *,
        database: str | None = None,
    ) -> None:
        self.name = name
        self._project = project
        self._pool = pool
        self._database = database or name
        self._start: Future[None] | None = None
        self._pulse = Pulse(self._gives_a_sign, pool)

    def launch(self) -> None:
        """Begin to start the server."""
        self._start = self._pool.submit(self._bring_up)
        self._pulse = Pulse(self._gives_a_sign, self._pool)

    def ended(self) -> str | None:
        """Return why the server is not running, from its log; None while it runs or starts."""
        if self._start is None or not self._start.done():
            return None
        if (error := self._start.exception()) is not None:
            return error.message if isinstance(error, PenstockError) else f"{type(error).__name__}: {error}"
        return None if self.process() else last_line(log_path(self._project, self.name)) or "it ended"

    def ready(self) -> bool:
        """Whether the server accepts connections."""
        return self._start is not None and self._start.done() and self._start.exception() is None

    def silence_s(self) -> float:
        """Return the seconds since the server last answered at all."""
        return self._pulse.silence_s()

    def kill(self) -> None:
        """Kill the postmaster; the other processes end when they notice."""
        if (process := self.process()) is not None:
            os.kill(process.pid, signal.SIGKILL)

    def _gives_a_sign(self) -> bool:
        found = self._found()
        return found is None or found.gives_a_sign()

    def process(self) -> Identity | None:
        """Return the postmaster."""
        found = self._found()
        pid = None if found is None else cluster.postmaster_pid(found)
        return None if pid is None else identify(pid)

    def address(self) -> str | None:
        """Return the address of the server."""
        found = self._found()
        return None if found is None else f"{server.HOST}:{found.port}"

    def _found(self) -> server.Server | None:
        try:
            return server.load(self._project, self.name)
        except PenstockError:  # a damaged record; the start reports it
            return None

    def _bring_up(self) -> None:
        ensure(self._project, self.name, database=self._database)
