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
        peak_rss: Most bytes that the program itself ever held, by the kernel's own count.
        output: What it printed.
    """

    seconds: float
    cpu_s: float
    peak_rss: int
    output: str


@dataclass(slots=True)
class Peak:
    """The most memory that a process tree held at once, in bytes.

    Args:
        rss: Resident memory, pages that processes share counted for each of them.
        pss: The same with shared pages divided among those who share them.
    """

    rss: int = 0
    pss: int = 0


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
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _KB, text)


@contextmanager
def _watched(pid: int, peak: Peak | None) -> Iterator[None]:
    if peak is None:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_SAMPLE_EVERY_S):
            rss, pss = _held_by_tree(pid)
            peak.rss, peak.pss = max(peak.rss, rss), max(peak.pss, pss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _held_by_tree(pid: int) -> tuple[int, int]:
    try:
        root = psutil.Process(pid)
        held = [_held(process.pid) for process in (root, *root.children(recursive=True))]
    except psutil.NoSuchProcess:
        return 0, 0
    return sum(rss for rss, _ in held), sum(pss for _, pss in held)


def _held(pid: int) -> tuple[int, int]:
    try:
        lines = Path("/proc", str(pid), "smaps_rollup").read_text().splitlines()[1:]
    except OSError:  # it has just ended
        return 0, 0
    sizes = {name: int(size.split()[0]) * _KB for name, _, size in (line.partition(":") for line in lines)}
    return sizes["Rss"], sizes["Pss"]
