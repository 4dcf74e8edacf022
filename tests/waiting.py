"""Waits for conditions in other processes, on a machine under any load."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import TypeVar

import psutil

Found = TypeVar("Found")


def until(condition: Callable[[], Found], timeout_s: float = 60, pause_s: float = 0.02) -> Found:
    """Wait until the condition holds, and give what it found.

    The limit is for what never happens; where it is reached on a busy machine, it is too low.
    """
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not true within {timeout_s} s"
        time.sleep(pause_s)
    return found


def halt(pid: int) -> None:
    """Stop a process by SIGSTOP. The signal returns at once, and its threads run on until each has seen it."""
    os.kill(pid, signal.SIGSTOP)
    until(lambda: all(_is_stopped(pid, thread.id) for thread in psutil.Process(pid).threads()))


def kill(pid: int) -> None:
    """Kill a process, and wait until nothing of it runs."""
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_running(pid))


def is_running(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_stopped(pid: int, thread: int) -> bool:
    try:
        with open(f"/proc/{pid}/task/{thread}/stat", encoding="ascii", errors="replace") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] == "T"
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return True
