"""The log of a server, and the cause of a failed start in it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import IO

from penstock.project import Project, leave_to_owner

LIMIT_BYTES = 10 * 1024 * 1024

# The cause is often in a LOG line; the FATAL line after it is generic.
CAUSE = re.compile(
    r"(?:error|ERROR|LOG|FATAL|PANIC): +(.*(?:invalid|unrecognized|could not|No space|denied|in use).*)"
)
LAST_WORD = re.compile(r"(?:error|FATAL|PANIC): +(.*)")


def log_path(project: Project, name: str) -> Path:
    """Return the path of the server's log."""
    return project.state_dir / "logs" / f"postgres-{name}.log"


def open_log(path: Path) -> IO[bytes]:
    """Open a log for appending, readable by its owner only.

    A large log is replaced; the previous one is kept.

    Raises:
        OSError: The log cannot be written.
    """
    if path.exists() and path.stat().st_size > LIMIT_BYTES:
        path.replace(path.with_suffix(".log.1"))
    log = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
    path.chmod(0o600)
    leave_to_owner(path)
    return log


def cause(text: str) -> str:
    r"""Return the most informative line about a failure.

    Example:
        >>> cause('12:00 LOG:  invalid value for parameter "port": "x"\n12:00 FATAL:  penstock.conf contains errors')
        'invalid value for parameter "port": "x"'
    """
    for pattern in (CAUSE, LAST_WORD):
        if found := pattern.search(text):
            return found.group(1).strip()
    return (text.strip().splitlines() or ["no reason given"])[-1]
