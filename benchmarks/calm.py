"""Checks that the machine is idle: other load would distort measurements."""

from __future__ import annotations

import os
import time

import psutil

_LOOK_S = 0.5
_CALM = 0.1  # of one core
_PATIENCE_S = 20.0


def busy_s() -> float:
    """Processor time that the whole machine has spent, all cores together."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)


def wait_for_calm() -> None:
    """Return when others leave the machine alone, or after some time anyway."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        before = busy_s()
        time.sleep(_LOOK_S)
        if busy_s() - before < _CALM * _LOOK_S:
            return


def share(taken_s: float, seconds: float) -> float:
    """Processor time as a share of all that the machine had in these seconds."""
    return max(taken_s, 0.0) / (seconds * (os.cpu_count() or 1))
