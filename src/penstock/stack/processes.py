"""Which processes are ours: a process id with the moment its process began, so that a recycled id is never ours."""

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
    """One process, told from every other that ever had its number.

    Args:
        pid: Its number; for what Penstock starts, also the number of its session.
        began: The boot and the clock tick in which it began, as the kernel counts them.
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
    """The process that has this number now, or None where there is none, or a dead one that nobody buried."""
    found = _stat(pid)
    return None if found is None else Identity(pid, found.began)


def is_alive(process: Identity | None) -> bool:
    """Whether this very process still runs."""
    return process is not None and identify(process.pid) == process


def everyone() -> Everyone:
    """All processes that there are, read once for several questions."""
    return {pid: found for pid in _pids() if (found := _stat(pid)) is not None}


def family(leader: Identity, among: Everyone | None = None) -> list[int]:
    """The processes of the session that this leader began, and all that descend from them; the leader may be gone.

    Empty where the leader's number belongs to another process by now, or the machine was booted since. As long as one
    member lives, the kernel gives the session's number to nobody else.
    """
    now = identify(leader.pid)
    if now not in (None, leader) or not leader.began.startswith(f"{_boot()}:"):
        return []
    among = everyone() if among is None else among
    members = {pid for pid, stat in among.items() if stat.session == leader.pid}
    # What a task started in a session of its own hangs on the task.
    while more := {pid for pid, stat in among.items() if stat.parent in members and pid not in members}:
        members |= more
    return sorted(members)


def leaders_writing_to(folder: Path) -> Iterator[tuple[str, Identity]]:
    """Processes that began a session and whose errors go to a log in this folder: the log's name, and the process."""
    for pid in _pids():
        with suppress(OSError):  # gone, or another account's
            log = Path(str((_PROC / str(pid) / "fd" / "2").readlink()).removesuffix(" (deleted)"))
            leads = log.parent == folder and os.getsid(pid) == pid
            if leads and (found := identify(pid)) is not None:
                yield log.stem, found


def end(leaders: Iterable[Identity], grace_s: float) -> bool:
    """Ask the leaders to end, wait, and kill what is left of their families; whether any of them was there.

    Only leaders are asked: Airflow's parts end their own children, and a child that is asked beside them is restarted.
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
    """Kill what a leader left behind, and those of its children that are known to have left its session."""
    for one in {*known, *(found for pid in family(leader) if (found := identify(pid)))}:
        _send(one, signal.SIGKILL)


def memory(leader: Identity, among: Everyone | None = None, without: Iterable[Identity] = ()) -> int:
    """Bytes that the leader's family holds; pages that processes share are divided among them.

    Args:
        without: Leaders whose families are not counted, though they descend from this one.
    """
    among = everyone() if among is None else among
    counted = {pid for other in without for pid in family(other, among)}
    return sum(memory_of(pid) for pid in family(leader, among) if pid not in counted)


def cpu_of(pid: int) -> float:
    """Processor time that one process has used."""
    with suppress(OSError):
        fields = _fields(pid)
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def activity_s(process: Identity | None) -> float:
    """Processor time that this one process has used, and the time for which it waited for a processor.

    Stands still for one that hangs, not for one that an overloaded machine keeps waiting.
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
    """Bytes that one process holds."""
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
    """What /proc/PID/stat says behind the program's name, which may hold blanks and brackets itself."""
    return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()


@cache
def _boot() -> str:
    with suppress(OSError):
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    return ""
