"""What a server writes about itself, and why it says it does not start."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import IO

from penstock.project import Project, leave_to_owner

LIMIT_BYTES = 10 * 1024 * 1024

# What went wrong is often a LOG line, and the FATAL one after it only says that something did.
CAUSE = re.compile(
    r"(?:error|ERROR|LOG|FATAL|PANIC): +(.*(?:invalid|unrecognized|could not|No space|denied|in use).*)"
)
LAST_WORD = re.compile(r"(?:error|FATAL|PANIC): +(.*)")


def log_path(project: Project, name: str) -> Path:
    """Where the server's log is."""
    return project.state_dir / "logs" / f"postgres-{name}.log"


def open_log(path: Path) -> IO[bytes]:
    """A log to write on in, readable by its owner alone.

    Begun anew when it has grown large; the previous one is kept.

    Raises:
        OSError: It cannot be written.
    """
    if path.exists() and path.stat().st_size > LIMIT_BYTES:
        path.replace(path.with_suffix(".log.1"))
    log = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
    path.chmod(0o600)
    leave_to_owner(path)
    return log


def cause(text: str) -> str:
    r"""The line that tells most about a failure.

    Example:
        >>> cause('12:00 LOG:  invalid value for parameter "port": "x"\n12:00 FATAL:  penstock.conf contains errors')
        'invalid value for parameter "port": "x"'
    """
    for pattern in (CAUSE, LAST_WORD):
        if found := pattern.search(text):
            return found.group(1).strip()
    return (text.strip().splitlines() or ["it gives no reason"])[-1]
