"""Run a command and print how long it took, and what it used of the processor: `timed.py NAME COMMAND...`.

Servers that the command starts and leaves to themselves count too: they become this process's children.
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def main() -> int:
    adopt_orphans()
    started = time.monotonic()
    command = subprocess.Popen(sys.argv[2:])
    code = wait_for(command.pid)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = used.ru_utime + used.ru_stime
    print(f"{sys.argv[1]}: {time.monotonic() - started:.1f} s, {cpu_s:.0f} s of processor time", flush=True)
    return code


def adopt_orphans() -> None:
    """Adopt orphaned processes, on systems that support it (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def wait_for(pid: int) -> int:
    """The command's exit code; other children that end meanwhile are reaped."""
    while True:
        try:
            ended, status = os.wait()
        except KeyboardInterrupt:
            continue  # the command got it too, and says what comes of it
        if ended == pid:
            return max(os.waitstatus_to_exitcode(status), -os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    sys.exit(main())
