"""Finds the stack: from its record or, if that is lost, from its running processes."""

from __future__ import annotations

import time

from penstock.project import Project
from penstock.stack import processes, state_file
from penstock.stack.components import PARTS
from penstock.stack.processes import Identity
from penstock.stack.state_file import PartRecord, StackRecord

SUPERVISOR = "supervisor"
WRITTEN_ANEW_S = 5.0  # a live supervisor checks its record every second
_NOBODY = Identity(0, "")
_POLL_S = 0.1


def recall(project: Project) -> StackRecord | None:
    """Return the stack's record. If it is missing or damaged, find running processes by the logs they write to.

    Waits for a live supervisor to write its record again. Returns None if nothing is running.

    Raises:
        BrokenState: The state belongs to another account.
    """
    deadline = time.monotonic() + WRITTEN_ANEW_S
    while (found := state_file.load(project)) is None:
        left = list(processes.leaders_writing_to(project.state_dir / "logs"))
        supervisor = next((one for name, one in left if name == SUPERVISOR), None)
        if supervisor is None or time.monotonic() > deadline:
            parts = [PartRecord(name, "left", 0.0, one) for name, one in left if name in PARTS]
            return StackRecord(supervisor or _NOBODY, 0.0, tuple(parts)) if supervisor or parts else None
        time.sleep(_POLL_S)
    return found
