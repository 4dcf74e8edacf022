"""Starts Airflow's processes as forks of a process with preloaded imports; see `penstock.airflow.forkserver_main`."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence

from penstock.stack.processes import Identity, identify, is_alive, kill_family

_MODULE = "penstock.airflow.forkserver_main"
_TOLD_BYTES = 65_536
# Modules that Airflow's components import. A component may not need all of them, but unused modules cost nothing,
# because their pages are shared.
AIRFLOW = (
    "airflow.__main__",
    "airflow.models",
    "airflow.jobs.scheduler_job_runner",
    "airflow.executors.local_executor",
    "airflow.jobs.triggerer_job_runner",
    "airflow.jobs.dag_processor_job_runner",
    "airflow.dag_processing.manager",
    "airflow.api_fastapi.app",
    "penstock.airflow.secrets",
)


class Child:
    """One requested process; it starts when the forkserver handles the request."""

    def __init__(self, nursery: _Nursery) -> None:
        self._nursery = nursery
        self.pid: int | None = None
        self.found: Identity | None = None
        self.code: int | None = None
        self.is_unwanted = False

    def cancel(self) -> None:
        """Kill the process as soon as it starts."""
        self.is_unwanted = True

    def identity(self) -> Identity | None:
        """Return the process, once it has started."""
        self._nursery.listen()
        return self.found

    def poll(self) -> int | None:
        """Return the exit code; None before and while it runs; 1 if it is unknown because the forkserver ended."""
        self._nursery.listen()
        if self.code is None and not self._nursery.is_there() and not is_alive(self.found):
            self.code = 1
        return self.code


class _Nursery:
    """One forkserver, and the environment it was started with."""

    def __init__(self, shared: Sequence[str], environment: Mapping[str, str], log: int) -> None:
        self.environment = environment
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", _MODULE, str(theirs.fileno()), *shared],
                env=dict(environment),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._control.setblocking(False)
        self._ordered: list[Child] = []

    def is_there(self) -> bool:
        return self._process.poll() is None

    def is_needed(self) -> bool:
        """Whether it still monitors a live child."""
        self.listen()
        return self.is_there() and any(child.code is None for child in self._ordered)

    def order(self, words: Sequence[str], log: int) -> Child:
        child = Child(self)
        message = {"words": list(words), "order": len(self._ordered)}
        socket.send_fds(self._control, [json.dumps(message).encode()], [log])
        self._ordered.append(child)
        return child

    def listen(self) -> None:
        """Process reports about the children."""
        while True:
            try:
                message = self._control.recv(_TOLD_BYTES)
            except OSError:  # no more messages, or the other end is closed
                return
            if not message:
                return
            self._note(json.loads(message))

    def _note(self, message: Mapping[str, int]) -> None:
        if "begun" in message:
            child = self._ordered[message["begun"]]
            child.pid, child.found = message["pid"], identify(message["pid"])
            if child.is_unwanted and child.found is not None:
                kill_family(child.found)
            return
        for child in self._ordered:
            if child.pid == message["ended"] and child.code is None:
                child.code = message["code"]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._control.close()


class Nurseries:
    """The current forkserver; replaced when it has ended or when another environment is needed.

    Args:
        shared: The modules to preload.
    """

    def __init__(self, shared: Sequence[str] = AIRFLOW) -> None:
        self._shared = shared
        self._all: list[_Nursery] = []

    def close(self) -> None:
        """Drop requests that have not started; started processes continue."""
        for one in self._all:
            one.close()
        self._all = []

    def launch(self, words: Sequence[str], environment: Mapping[str, str], log: int) -> Child:
        """Request a process.

        Args:
            words: A module with a `main` function, and its arguments.
            environment: The environment, shared with the other processes.
            log: File descriptor for the output.

        Raises:
            OSError: The forkserver cannot be started, or the socket is full.
        """
        fitting = [one for one in self._all if one.is_there() and one.environment == environment]
        for one in self._all:
            if one not in fitting and not one.is_needed():
                one.close()
        self._all = [one for one in self._all if one in fitting or one.is_needed()]
        if not fitting:
            fitting = [_Nursery(self._shared, environment, log)]
            self._all += fitting
        return fitting[0].order(words, log)
