"""Run the tests again and again under different loads, and print which of them failed how often.

    flakes.py [--runs 10] [--loads alone,one-core,busy] [PYTEST ARGUMENTS...]

Loads take turns. `alone`: nothing is done about the machine; `one-core`: everything runs on one core; `busy`: a busy
loop for each core runs beside the tests. `make flakes` calls it with the arguments of `make test`, and
`make flakes N=6 PYTEST_ARGS=tests/unit/stack` runs less.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

LOADS = ("alone", "one-core", "busy")
NOTHING_RAN = 5  # pytest's exit code
SESSION = "(the run itself)"


@dataclass(frozen=True)
class Run:
    """One run of the tests: what failed, out of how many, and where its output is."""

    load: str
    seconds: float
    tests: int
    failed: frozenset[str]
    log: Path


def main() -> int:
    wanted, arguments = options()
    logs = Path(tempfile.mkdtemp(prefix="flakes-"))
    runs = []
    for number in range(wanted.runs):
        load = wanted.loads[number % len(wanted.loads)]
        runs.append(run(logs / f"run-{number + 1}", load, arguments))
        print(f"run {number + 1} of {wanted.runs}, {summary(runs[-1])}", flush=True)
    print(*verdict(runs), sep="\n")
    return 1 if any(one.failed for one in runs) else 0


def options() -> tuple[argparse.Namespace, list[str]]:
    words = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(prog="flakes.py", description=words[0])
    parser.add_argument("--runs", type=int, default=10, metavar="N", help="how often (10)")
    parser.add_argument(
        "--loads",
        type=lambda text: text.split(","),
        default=LOADS,
        help=f"which loads take turns, of {', '.join(LOADS)} (all)",
    )
    wanted, arguments = parser.parse_known_args()
    unknown = set(wanted.loads) - set(LOADS)
    if unknown or wanted.runs < 1:
        parser.error(f"invalid load {', '.join(unknown)!r}" if unknown else "--runs must be 1 or more")
    return wanted, arguments


def run(place: Path, load: str, arguments: Sequence[str]) -> Run:
    """Run the tests once. Each run has a seed of its own where tests choose at random."""
    report, log = place.with_suffix(".xml"), place.with_suffix(".log")
    command = [sys.executable, "-m", "pytest", f"--junitxml={report}", "-o", "junit_family=xunit1"]
    started = time.monotonic()
    with log.open("w") as output, under(load):
        code = subprocess.run(
            [*command, *arguments], check=False, stdout=output, stderr=subprocess.STDOUT
        ).returncode
    tests, failed = read(report) if report.exists() else (0, set())
    if code == NOTHING_RAN or (code and not failed):
        failed.add(SESSION)
    return Run(load, time.monotonic() - started, tests, frozenset(failed), log)


@contextlib.contextmanager
def under(load: str) -> Iterator[None]:
    """The load, as long as the block lasts; commands that start in it inherit the choice of cores."""
    cores = os.sched_getaffinity(0)
    loops: list[subprocess.Popen[bytes]] = []
    try:
        if load == "one-core":
            os.sched_setaffinity(0, {min(cores)})
        if load == "busy":
            loops += [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in cores]
        yield
    finally:
        os.sched_setaffinity(0, cores)
        for loop in loops:
            loop.kill()
            loop.wait()


def read(report: Path) -> tuple[int, set[str]]:
    """How many tests ran, and those that failed, from pytest's report."""
    cases = list(ET.parse(report).iter("testcase"))  # noqa: S314 - pytest wrote it a moment ago
    return len(cases), {name(case) for case in cases if any(one.tag in ("failure", "error") for one in case)}


def name(case: ET.Element) -> str:
    """The test as pytest's command line takes it, as far as the report says so."""
    file = case.get("file", "")
    inner = case.get("classname", "").removeprefix(file.removesuffix(".py").replace("/", ".")).strip(".")
    return "::".join(word for word in (file, inner, case.get("name", "")) if word)


def summary(one: Run) -> str:
    """A line about a run.

    >>> summary(Run("busy", 3.21, 7, frozenset(), Path("x.log")))
    'busy: 7 tests in 3.2 s, none failed'
    """
    failures = f"{len(one.failed)} failed, see {one.log}" if one.failed else "none failed"
    return f"{one.load}: {one.tests} tests in {one.seconds:.1f} s, {failures}"


def verdict(runs: Sequence[Run]) -> list[str]:
    """Each test that failed, the most frequent first, with the loads under which it did."""
    failures: dict[str, list[str]] = defaultdict(list)
    for one in runs:
        for test in one.failed:
            failures[test].append(one.load)
    if not failures:
        return [f"no failure in {len(runs)} runs"]
    lines = [f"{len(failures)} tests failed in {len(runs)} runs:"]
    for test, loads in sorted(failures.items(), key=lambda item: (-len(item[1]), item[0])):
        where = ", ".join(f"{loads.count(load)} {load}" for load in LOADS if load in loads)
        lines.append(f"{len(loads):4}  {test}  ({where})")
    return lines


if __name__ == "__main__":
    sys.exit(main())
