"""Run a command and print how long it took: `timed.py NAME COMMAND...`."""

from __future__ import annotations

import subprocess
import sys
import time

started = time.monotonic()
code = subprocess.run(sys.argv[2:], check=False).returncode
print(f"{sys.argv[1]}: {time.monotonic() - started:.1f} s")
sys.exit(code)
