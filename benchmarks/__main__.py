"""`python -m benchmarks`: measure, and write each topic's section of RESULTS.md."""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import UTC, datetime

from benchmarks.bench import opened
from benchmarks.findings import Findings
from benchmarks.machine import describe
from benchmarks.processes import Failed
from benchmarks.report import render
from benchmarks.topics import TOPICS, Topic, load, write

ROUNDS = 5


def main() -> int:
    """Measure; a failed topic does not stop the others."""
    wishes = _wishes()
    failed = [name for name in wishes.topics if not _measure(load(name), wishes.rounds, trial=wishes.trial)]
    if failed:
        say(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def say(text: str) -> None:
    """Tell how far the run is."""
    print(f"{time.perf_counter() - _STARTED:6.1f} s  {text}", file=sys.stderr, flush=True)


def _measure(topic: Topic, rounds: int, *, trial: bool) -> bool:
    load_before = os.getloadavg()[0]
    say(f"{topic.name} … (load {load_before:.1f} on {os.cpu_count()} cores)")
    findings = Findings()
    findings.notes.append(f"Load of the machine when this began: {load_before:.1f}.")
    try:
        with opened() as bench:
            topic.measure(bench, rounds, findings)
            machine = describe(bench.server_version())
    except Failed as error:
        say(f"{topic.name} failed: {error}")
        return False
    text = render(topic, findings, machine, datetime.now(UTC).date())
    print(text, flush=True)
    if not trial:
        write(topic.name, text)
        say(f"{topic.name} written to RESULTS.md")
    return True


def _wishes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "topics", nargs="*", metavar="TOPIC", default=list(TOPICS), help=f"some of {', '.join(TOPICS)}"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often the rivals take turns")
    parser.add_argument("--trial", action="store_true", help="print only; RESULTS.md stays as it is")
    wishes = parser.parse_args()
    for name in wishes.topics:
        if name not in TOPICS:
            parser.error(f"no topic {name!r}: there are {', '.join(TOPICS)}")
    return wishes


_STARTED = time.perf_counter()

if __name__ == "__main__":
    sys.exit(main())
