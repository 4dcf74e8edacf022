"""On what, and with what, a run was made."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

_REPOSITORY = Path(__file__).parent.parent
_GB = 1_000_000_000


def describe(server_version: str) -> list[tuple[str, str]]:
    """Machine and versions, by name."""
    return [
        ("processor", f"{_processor()}, {os.cpu_count()} cores"),
        ("memory", f"{psutil.virtual_memory().total / _GB:.1f} GB"),
        ("system", f"{platform.system()} {platform.release()} {platform.machine()}"),
        ("python", platform.python_version()),
        ("postgres", server_version),
        *((name, version(name)) for name in ("polars", "pyarrow", "numpy", "psycopg", "pgpq")),
        ("penstock", f"{version('penstock')}, commit {_commit()}"),
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or "unknown"


def _commit() -> str:
    commit = _git("rev-parse", "--short=12", "HEAD")
    return f"{commit} with changes" if _git("status", "--porcelain", "--", "src") else commit


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=_REPOSITORY, capture_output=True, text=True, check=False)
    return done.stdout.strip() or ("unknown" if done.returncode else "")
