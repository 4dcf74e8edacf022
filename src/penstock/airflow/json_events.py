"""JSON events on standard output, while all other output of the process goes to a log."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from penstock.model.errors import PenstockError
from penstock.project import DISK_FULL
from penstock.stack.postgres.server import open_log
from penstock.state_dir import broken_state, concerns_state


def emit(events: IO[str], **fields: Any) -> None:
    """Write one event."""
    print(json.dumps(fields, default=_text), file=events, flush=True)


def carried_out(events: IO[str], work: Callable[[], int]) -> int:
    """Do the work of a process and return its exit code. Errors that the user can fix are emitted as an event."""
    try:
        return work()
    except PenstockError as error:
        failure = error
    except OSError as error:
        if error.errno in DISK_FULL:
            failure = PenstockError(
                f"the disk is full: {error.filename or error.strerror}",
                hint="free some space, then run it again",
            )
        elif concerns_state(error):
            failure = broken_state(error)
        else:
            raise
    emit(events, event="error", message=failure.message, hint=failure.hint, code=failure.exit_code)
    return failure.exit_code


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


@contextmanager
def event_stream(log: Path) -> Iterator[IO[str]]:
    """Yield the original standard output; within the block, other output, also of children, goes to the log."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as events, open_log(log) as sink:
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
        yield events
