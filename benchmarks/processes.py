"""Runs a program to its end and measures it: wall time, processor time, memory of its whole process tree."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

_SAMPLE_EVERY_S = 0.05
_KB = 1024


class Failed(Exception):
    """A program ended badly, or did not do what it was measured for."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a program.

    Args:
        seconds: Wall time from its start to its end.
        cpu_s: Processor time of the program and its children.
        output: What it printed.
    """

    seconds: float
    cpu_s: float
    output: str


@dataclass(slots=True)
class Peak:
    """The most memory that a process tree held at once, in bytes.

    Args:
        rss: Resident memory, pages that processes share counted for each of them.
        pss: The same with shared pages divided among those who share them.
        high_water: What the kernel itself noted as the most of any one of the processes. Not `ru_maxrss`, which also
            counts what held the process's place before its program was started: us.
    """

    rss: int = 0
    pss: int = 0
    high_water: int = 0


def run(argv: Sequence[str], environment: Mapping[str, str], cwd: Path, peak: Peak | None = None) -> Run:
    """Run a program.

    Args:
        peak: Told how much memory its process tree holds; looking costs some time.

    Raises:
        Failed: If it ends with another code than 0.
    """
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            argv, env=dict(environment), cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        with _watched(process.pid, peak):
            _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode:
        raise Failed(f"{Path(argv[0]).name} ended with {process.returncode}: {text[-2000:]}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, text)


@contextmanager
def _watched(pid: int, peak: Peak | None) -> Iterator[None]:
    if peak is None:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_SAMPLE_EVERY_S):
            _note(pid, peak)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _note(pid: int, peak: Peak) -> None:
    try:
        root = psutil.Process(pid)
        pids = [process.pid for process in (root, *root.children(recursive=True))]
    except psutil.NoSuchProcess:
        return
    sizes = [(_sizes(one, "smaps_rollup"), _sizes(one, "status")) for one in pids]
    peak.rss = max(peak.rss, sum(held.get("Rss", 0) for held, _ in sizes))
    peak.pss = max(peak.pss, sum(held.get("Pss", 0) for held, _ in sizes))
    peak.high_water = max(peak.high_water, *(status.get("VmHWM", 0) for _, status in sizes))


def _sizes(pid: int, file: str) -> dict[str, int]:
    """Memory sizes of a process in bytes, by name; empty if it has just ended."""
    try:
        lines = Path("/proc", str(pid), file).read_text().splitlines()
    except OSError:
        return {}
    parts = (line.split() for line in lines if line.endswith(" kB"))
    return {name.rstrip(":"): int(size) * _KB for name, size, _ in parts}
