"""Checks of the machine: Python, account, disk, memory, limits, clock and locale."""

from __future__ import annotations

import locale
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from penstock.devtools.doctor.check_result import Finding, Level, of_error
from penstock.devtools.doctor.config import missing_extras
from penstock.model.errors import PenstockError
from penstock.project import Project

GB = 1024**3
MB = 1024**2
PYTHONS = ((3, 11), (3, 13))
DISK_NEEDED, DISK_ADVISED = 1 * GB, 5 * GB  # a running stack takes 0.5 GB, the servers' WAL up to 4 GB
MEMORY_NEEDED = int(1.3 * GB)  # the idle stack takes 1.0 to 1.2 GB
SHARED_MEMORY_ADVISED = 512 * MB
FILES_NEEDED = 1024
_CGROUP = Path("/sys/fs/cgroup/memory.max")
_ROOT = Path("/")


def examine(project: Project | None) -> Iterator[Finding]:
    """Yield the findings in the order in which to fix them."""
    yield _python()
    yield _system()
    yield _account(project)
    yield from missing_extras(project)
    yield _disk(_ROOT if project is None else project.root)
    yield _memory()
    yield _shared_memory(Path("/dev/shm"))  # noqa: S108  # the system's own
    yield _open_files()
    yield _locale()
    if project is not None:
        yield _clock(project)


def _python() -> Finding:
    here = ".".join(map(str, sys.version_info[:3]))
    low, high = (".".join(map(str, version)) for version in PYTHONS)
    if PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        return Finding(Level.ok, "python", f"{here} in {sys.prefix}")
    return Finding(
        Level.wrong,
        "python",
        f"unsupported version {here}; supported are {low} to {high}",
        f"install Python {high}",
    )


def _system() -> Finding:
    if sys.platform == "linux" and Path("/proc/self/stat").exists():
        return Finding(Level.ok, "system", f"{os.uname().sysname} {os.uname().release}, {os.uname().machine}")
    return Finding(
        Level.wrong,
        "system",
        f"the stack needs Linux with /proc, but this is {sys.platform}",
        "use a Linux machine",
    )


def _account(project: Project | None) -> Finding:
    from penstock.stack.os_user import can_reach, server_account
    from penstock.stack.postgres.binaries import SYSTEM_DIR

    state = _ROOT if project is None else project.state_dir
    try:
        account = server_account(state)
    except PenstockError as error:
        return of_error("account", error)
    if account is None:
        return Finding(Level.ok, "account", f"uid {os.geteuid()} runs the servers")
    where = ""
    if project is not None and not can_reach(account, state):
        where = f"; their data is in {SYSTEM_DIR}, because it cannot access {state}"
    return Finding(
        Level.ok, "account", f"root; the servers run as {account.name}, because Postgres refuses root{where}"
    )


def _disk(path: Path) -> Finding:
    usage = psutil.disk_usage(str(path))
    said = f"{usage.free / GB:.1f} GB free at {path}"
    if usage.free >= DISK_ADVISED:
        return Finding(Level.ok, "disk", said)
    level = Level.wrong if usage.free < DISK_NEEDED else Level.warning
    return Finding(
        level, "disk", said, f"free some space: loads need {DISK_ADVISED // GB} GB, a start needs 1 GB"
    )


def _memory() -> Finding:
    free, total = psutil.virtual_memory().available, psutil.virtual_memory().total
    if (limit := _container_limit()) is not None and limit < total:
        free, total = min(free, limit - _container_use()), limit
    said = f"{free / GB:.1f} of {total / GB:.1f} GB free"
    if free >= MEMORY_NEEDED:
        return Finding(Level.ok, "memory", said)
    level = Level.wrong if total < MEMORY_NEEDED else Level.warning
    return Finding(level, "memory", said, "the stack needs 1.3 GB; penstock run and penstock copy need less")


def _container_limit() -> int | None:
    try:
        text = _CGROUP.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _container_use() -> int:
    try:
        return int(_CGROUP.with_name("memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def _shared_memory(path: Path) -> Finding:
    if not path.is_dir():
        return Finding(Level.ok, "shared memory", f"{path} is missing; the servers use files instead")
    filesystem = os.statvfs(path)
    size = filesystem.f_blocks * filesystem.f_frsize
    said = f"{path} holds {size / MB:,.0f} MB"
    if size >= SHARED_MEMORY_ADVISED:
        return Finding(Level.ok, "shared memory", said)
    return Finding(
        Level.ok, "shared memory", f"{said}, too little for large joins; the servers use files instead"
    )


def _open_files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= FILES_NEEDED:
        return Finding(Level.ok, "open files", f"up to {soft:,}" if soft > 0 else "no limit")
    return Finding(
        Level.warning, "open files", f"up to {soft} (hard limit {hard})", f"ulimit -n {FILES_NEEDED}"
    )


def _locale() -> Finding:
    encoding = locale.getpreferredencoding(do_setlocale=False).lower()
    if encoding in ("utf-8", "utf8") and sys.getfilesystemencoding() == "utf-8":
        return Finding(Level.ok, "locale", "text and file names are UTF-8")
    return Finding(
        Level.warning,
        "locale",
        f"the encoding is {encoding}, so file names may be garbled",
        "export LC_ALL=C.UTF-8",
    )


def _clock(project: Project) -> Finding:
    """Check for a clock that was set back, because Airflow's tokens are then not valid yet."""
    paths = [project.state_dir, *project.state_dir.glob("*"), *project.state_dir.glob("logs/*")]
    ahead = max((path.stat().st_mtime for path in paths if path.exists()), default=0.0) - time.time()
    if ahead < 60:
        return Finding(Level.ok, "clock", time.strftime("%Y-%m-%d %H:%M:%S %Z"))
    return Finding(
        Level.warning,
        "clock",
        f"files in {project.state_dir} are {ahead:,.0f} s in the future",
        "set the clock, then penstock restart; Airflow refuses tokens until the clock has caught up",
    )
