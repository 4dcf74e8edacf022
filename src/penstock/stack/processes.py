"""Process identities: a process id with its start time, so that a recycled id is never mistaken for the process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_POLL_S = 0.02
_KB = 1024


@dataclass(frozen=True, slots=True)
class Identity:
    """One process, distinguished from all others that ever had its id.

    Args:
        pid: The process id; for processes that Penstock starts, also the session id.
        began: The boot id and the clock tick of the start, as the kernel reports them.
    """

    pid: int
    began: str


@dataclass(frozen=True, slots=True)
class _Stat:
    session: int
    parent: int
    began: str


Everyone = Mapping[int, _Stat]


def identify(pid: int) -> Identity | None:
    """Return the process that has this id now, or None if it does not exist or is a zombie."""
    found = _stat(pid)
    return None if found is None else Identity(pid, found.began)


def is_alive(process: Identity | None) -> bool:
    """Whether this process is still running."""
    return process is not None and identify(process.pid) == process


def everyone() -> Everyone:
    """Return a snapshot of all processes, for several queries."""
    return {pid: found for pid in _pids() if (found := _stat(pid)) is not None}


def family(leader: Identity, among: Everyone | None = None) -> list[int]:
    """Return the processes of this leader's session and their descendants; the leader may have ended.

    Empty if another process now has the leader's id, or the machine was rebooted. While a member of the session is
    alive, the kernel does not reuse the session's id.
    """
    now = identify(leader.pid)
    if now not in (None, leader) or not leader.began.startswith(f"{_boot()}:"):
        return []
    among = everyone() if among is None else among
    members = {pid for pid, stat in among.items() if stat.session == leader.pid}
    # Processes that a task started in their own session are descendants of the task.
    while more := {pid for pid, stat in among.items() if stat.parent in members and pid not in members}:
        members |= more
    return sorted(members)


def leaders_writing_to(folder: Path) -> Iterator[tuple[str, Identity]]:
    """Yield session leaders whose standard error is a log in this folder, with the name of the log."""
    for pid in _pids():
        with suppress(OSError):  # ended, or another account's
            log = Path(str((_PROC / str(pid) / "fd" / "2").readlink()).removesuffix(" (deleted)"))
            leads = log.parent == folder and os.getsid(pid) == pid
            if leads and (found := identify(pid)) is not None:
                yield log.stem, found


def end(leaders: Iterable[Identity], grace_s: float) -> bool:
    """Terminate the leaders, wait, and kill the rest of their families; return whether any was running.

    Only leaders get SIGTERM: Airflow's processes end their own children, and would restart a child that ends by itself.
    """
    leaders = list(leaders)
    families = {leader: [one for pid in family(leader) if (one := identify(pid))] for leader in leaders}
    for leader in leaders:
        _send(leader, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while time.monotonic() < deadline and any(is_alive(leader) for leader in leaders):
        time.sleep(_POLL_S)
    for leader in leaders:
        kill_family(leader, families[leader])
    return any(families.values())


def kill_family(leader: Identity, known: Iterable[Identity] = ()) -> None:
    """Kill the processes of a leader's session, and its known children that have left the session."""
    for one in {*known, *(found for pid in family(leader) if (found := identify(pid)))}:
        _send(one, signal.SIGKILL)


def memory(leader: Identity, among: Everyone | None = None, without: Iterable[Identity] = ()) -> int:
    """Return the memory of the leader's family in bytes; shared pages are divided among the processes.

    Args:
        without: Leaders whose families are not counted, although they descend from this one.
    """
    among = everyone() if among is None else among
    counted = {pid for other in without for pid in family(other, among)}
    return sum(memory_of(pid) for pid in family(leader, among) if pid not in counted)


def cpu_of(pid: int) -> float:
    """Return the processor time of one process in seconds."""
    with suppress(OSError):
        fields = _fields(pid)
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def activity_s(process: Identity | None) -> float:
    """Return the processor time of a process plus its time in the run queue, in seconds.

    It does not grow for a hung process, but grows for a process that waits on an overloaded machine.
    """
    if not is_alive(process):
        return 0.0
    assert process is not None
    waited_ns = 0
    with suppress(OSError, ValueError, IndexError):
        waited_ns = int((_PROC / str(process.pid) / "schedstat").read_text().split()[1])
    return cpu_of(process.pid) + waited_ns / 1e9


def _send(process: Identity, number: signal.Signals) -> None:
    if is_alive(process):
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def memory_of(pid: int) -> int:
    """Return the memory of one process in bytes."""
    with suppress(OSError, StopIteration, ValueError):
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * _KB for line in lines if line.startswith("Pss:"))
    with suppress(OSError):
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _pids() -> Iterator[int]:
    return (int(path.name) for path in _PROC.iterdir() if path.name.isdigit())


def _stat(pid: int) -> _Stat | None:
    try:
        fields = _fields(pid)
    except OSError:
        return None
    if fields[0] in "ZX":
        return None
    return _Stat(session=int(fields[3]), parent=int(fields[1]), began=f"{_boot()}:{fields[19]}")


def _fields(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the program's name, which may contain spaces and parentheses."""
    return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()


@cache
def _boot() -> str:
    with suppress(OSError):
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    return ""
