"""What is known of the stack: its record, or where that is lost what its processes themselves tell."""

from __future__ import annotations

import time

from penstock.project import Project
from penstock.stack import processes, state_file
from penstock.stack.components import PARTS
from penstock.stack.processes import Identity
from penstock.stack.state_file import PartRecord, StackRecord

SUPERVISOR = "supervisor"
WRITTEN_ANEW_S = 5.0  # a supervisor that lives looks after its record every second
_NOBODY = Identity(0, "")
_POLL_S = 0.1


def recall(project: Project) -> StackRecord | None:
    """The record; where it is missing or damaged, what runs all the same, by the logs that it writes to.

    A supervisor that lives writes its record anew, which is waited for. None where nothing runs.

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
