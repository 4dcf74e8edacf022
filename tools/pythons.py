"""Run the whole suite on every supported Python of this machine, and print the results: `pythons.py [PYTEST_ARGS...]`.

Pythons are looked for on the PATH, then among pyenv's. Each gets its environment, such as `.venv-3.12`, and keeps it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from install import ROOT, SUPPORTED

PROBE = "import sys, ensurepip; print('.'.join(map(str, sys.version_info[:3])), sys.executable)"
ROW = "{:<9} {:>7} {:>7} {:>7} {:>8}  {}"


@dataclass
class Outcome:
    """What came of one Python."""

    version: str
    code: int = 0
    seconds: float = 0.0
    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    ran: bool = False

    def row(self) -> str:
        if not self.ran:
            words = (
                "no such Python"
                if not self.code
                else f"stopped before the tests: make test ended with {self.code}"
            )
            return ROW.format(self.version, "-", "-", "-", "-", words)
        minutes = f"{self.seconds / 60:.1f} min"
        note = "" if self.code == 0 or self.failed else f"make test ended with {self.code}"
        return ROW.format(self.version, self.passed, len(self.failed), self.skipped, minutes, note).rstrip()


def main() -> int:
    outcomes = []
    for minor in range(SUPPORTED[0][1], SUPPORTED[1][1] + 1):
        python = next(pythons(minor), None)
        if python is None:
            outcomes.append(Outcome(f"3.{minor}"))
        else:
            version, executable = python
            print(f"\n=== Python {version} ({executable})", flush=True)
            outcomes.append(tested(version, executable, sys.argv[1:]))
    print("\n" + ROW.format("Python", "passed", "failed", "skipped", "time", "").rstrip())
    for outcome in outcomes:
        print(outcome.row())
    for outcome in outcomes:
        for name in outcome.failed:
            print(f"{outcome.version}  failed: {name}")
    return int(any(outcome.code for outcome in outcomes))


def pythons(minor: int) -> Iterator[tuple[str, str]]:
    """Version and path of each Python 3.``minor`` that can make an environment, the PATH's first."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    of_pyenv = sorted(
        root.glob(f"versions/3.{minor}.*/bin/python3.{minor}"),
        key=lambda path: [int(digits) for digits in re.findall(r"\d+", path.parents[1].name)],
        reverse=True,
    )
    for name in [f"python3.{minor}", *map(str, of_pyenv)]:
        try:
            # A shim of pyenv's may be there and refuse.
            answer = subprocess.run([name, "-c", PROBE], capture_output=True, text=True, check=False)
        except OSError:
            continue
        if answer.returncode == 0:
            version, _, executable = answer.stdout.strip().partition(" ")
            yield version, executable


def tested(version: str, executable: str, arguments: list[str]) -> Outcome:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "PYTHON")
    }
    with tempfile.TemporaryDirectory() as place:
        report = Path(place, "report.xml")
        words = " ".join([*arguments, f"--junitxml={report}"])
        began = time.monotonic()
        done = subprocess.run(
            ["make", "--no-print-directory", "test", f"PYTHON={executable}", f"PYTEST_ARGS={words}"],
            cwd=ROOT,
            env=environment,
            check=False,
        )
        outcome = Outcome(version, done.returncode, time.monotonic() - began)
        if report.exists():
            count(report, outcome)
    return outcome


def count(report: Path, outcome: Outcome) -> None:
    """Add what pytest reported."""
    outcome.ran = True
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  # our own pytest wrote it
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            name = f"{case.get('classname')}::{case.get('name')}"
            if name not in outcome.failed:  # a test that fails may fail in its teardown too
                outcome.failed.append(name)
        elif "skipped" in kinds:
            outcome.skipped += 1
        else:
            outcome.passed += 1


if __name__ == "__main__":
    sys.exit(main())
