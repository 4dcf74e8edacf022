"""The process that starts the stack and keeps it running: `python -m penstock.stack.supervisor`.

It runs in its own session and outlives the command that started it. It writes the state of the stack to a record, and
reads requests from files when a signal wakes it. SIGTERM stops the stack.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from penstock.model.errors import PenstockError
from penstock.project import Project, find_project
from penstock.stack import processes, state_file
from penstock.stack.airflow_services import API_SERVER
from penstock.stack.component import Part
from penstock.stack.components import assemble
from penstock.stack.forkserver import Nurseries
from penstock.stack.health import fetch
from penstock.stack.port_config import read_options
from penstock.stack.postgres import manage
from penstock.stack.postgres.runner import Embedded
from penstock.stack.process_runner import Once
from penstock.stack.processes import identify
from penstock.stack.state_file import ENVIRONMENT, PartRecord, StackRecord, taken_requests
from penstock.state_dir import BrokenState, acquire

BUSY_PAUSE_S, QUIET_PAUSE_S = 0.1, 1.0
GRACE_S = 3.0  # Airflow's processes need 1 to 2.5 s


class Supervisor:
    """Steps every part in turn until it is stopped.

    Args:
        parts: The parts in display order.
        publish: Called with the records after every change.
        clear: Stops a part, for a restart on request.
        is_lost: Whether the published record has disappeared.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        publish: Callable[[tuple[PartRecord, ...]], None],
        clear: Callable[[Part], None],
        is_lost: Callable[[], bool] = lambda: False,
    ) -> None:
        self.parts = parts
        self._is_lost = is_lost
        self._publish = publish
        self._clear = clear
        self._last: tuple[PartRecord, ...] = ()

    def step(self) -> bool:
        """Check every part once; return whether all are healthy."""
        for part in self.parts:
            part.step({other.name for other in self.parts if other.state == "healthy"})
        self.publish_changes()
        return all(part.state == "healthy" for part in self.parts)

    def publish_changes(self) -> None:
        """Publish the records if they changed or were lost. A failed write, such as on a full disk, is retried."""
        found = tuple(_record_of(part) for part in self.parts)
        if found != self._last or self._is_lost():
            with suppress(OSError, BrokenState):
                self._publish(found)
                self._last = found

    def restart(self, name: str) -> None:
        """Stop and restart a part; unknown names are ignored."""
        for part in self.parts:
            if part.name == name and part.state != "waiting":
                self._clear(part)
                part.expect_restart()


def supervise(project: Project) -> None:
    """Keep the project's stack running until SIGTERM.

    Raises:
        PenstockError: `penstock.toml` is invalid.
    """
    began = time.time()
    myself = identify(os.getpid())
    assert myself is not None

    stamp = None

    def publish(parts: tuple[PartRecord, ...]) -> None:
        nonlocal stamp
        state_file.save(project, StackRecord(myself, began, parts, os.environ.get(ENVIRONMENT)))
        stamp = state_file.stamp(project)

    def is_lost() -> bool:
        return state_file.stamp(project) != stamp

    with _waking() as wake, ThreadPoolExecutor(4) as pool:
        hang_s = read_options(project).hang_s
        nurseries = Nurseries()
        parts = [Part(runner, hang_s=hang_s) for runner in assemble(project, pool, nurseries)]
        supervisor = Supervisor(parts, publish, lambda part: _clear(project, part), is_lost)
        quiet = False
        while not wake.told_to_stop:
            was_quiet, quiet = quiet, supervisor.step()
            if quiet and not was_quiet:
                pool.submit(_warm_up, parts)
            for name in taken_requests(project):
                supervisor.restart(name)
            wake.wait(QUIET_PAUSE_S if quiet else BUSY_PAUSE_S)
        nurseries.close()
        _stop_all(project, parts, pool)
    state_file.forget(project)


def _stop_all(project: Project, parts: Sequence[Part], pool: ThreadPoolExecutor) -> None:
    """Stop Airflow first, because it writes to its database until it ends."""
    commands = [part.runner.process() for part in parts if not isinstance(part.runner, Embedded)]
    processes.end([one for one in commands if one is not None], GRACE_S)
    embedded = [part.name for part in parts if isinstance(part.runner, Embedded)]
    list(pool.map(lambda name: manage.stop(project, name), embedded))


def _warm_up(parts: Sequence[Part]) -> None:
    """Send a first request to Airflow's execution API, which is built on first use, so that no task waits for it."""
    for part in parts:
        if part.name == API_SERVER:
            fetch(f"{part.runner.address()}/execution/health", timeout_s=60)


def _clear(project: Project, part: Part) -> None:
    if isinstance(part.runner, Embedded):
        manage.stop(project, part.name)
    elif (process := part.runner.process()) is not None:
        processes.end([process], GRACE_S)


def _record_of(part: Part) -> PartRecord:
    return PartRecord(
        name=part.name,
        state=part.state,
        since=part.since,
        process=None if part.state == "waiting" else part.runner.process(),
        address=part.runner.address(),
        took_s=part.took_s,
        restarts=part.restarts,
        reason=part.reason,
        once=isinstance(part.runner, Once),
    )


class _Wake:
    """Sleeps until a signal arrives; earlier signals are not lost."""

    def __init__(self, reader: int) -> None:
        self._reader = reader
        self.told_to_stop = False

    def wait(self, pause_s: float) -> None:
        if not self.told_to_stop and select.select([self._reader], [], [], pause_s)[0]:
            os.read(self._reader, 1024)


@contextmanager
def _waking() -> Iterator[_Wake]:
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    wake = _Wake(reader)

    def stop(*_: object) -> None:
        wake.told_to_stop = True

    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    for number in (signal.SIGCHLD, signal.SIGUSR1):  # a part ended, or a request arrived: check now
        signal.signal(number, lambda *_: None)
    yield wake


class _Busy(Exception):
    """Another supervisor runs."""


def _lock(project: Project) -> bool:
    """Take the lock that ensures one supervisor per project; it is held until this process ends."""

    def busy(_: str) -> None:
        raise _Busy

    try:
        return acquire(project.make_state_dir(state_file.STATE) / "supervisor.lock", busy) is not None
    except _Busy:
        return False


def main() -> int:
    """Supervise the project of the current directory."""
    project = find_project()
    if not _lock(project):
        return 0
    try:
        supervise(project)
    except PenstockError as error:
        print(f"error: {error.message}", file=sys.stderr)  # noqa: T201  # into its log
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
