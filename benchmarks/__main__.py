"""`python -m benchmarks`: measure, and write RESULTS.md."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bench import Bench, opened
from benchmarks.copying import copy_side_by_side
from benchmarks.dataset import Dataset, prepare
from benchmarks.findings import Findings
from benchmarks.machine import describe
from benchmarks.memory import measure_memory
from benchmarks.merging import merge_side_by_side
from benchmarks.processes import Failed
from benchmarks.report import render
from benchmarks.starting import measure_start

ROWS = 5_000_000
ROUNDS = 5
CACHE = Path(__file__).parent.parent / ".penstock" / "bench"
RESULTS = Path(__file__).parent / "RESULTS.md"

Part = Callable[[Bench, Dataset, int, Findings], None]

PARTS: Mapping[str, Part] = {
    "copy": lambda bench, data, rounds, found: copy_side_by_side(bench, data, "bench.sales", rounds, found),
    "keyed": lambda bench, data, rounds, found: copy_side_by_side(
        bench, data, "bench.sales_keyed", rounds, found
    ),
    "merge": merge_side_by_side,
    "memory": lambda bench, data, _, found: measure_memory(bench, data, found),
    "start": lambda bench, data, _, found: measure_start(bench, data, found),
}


def main() -> int:
    """Measure; only a whole run at full size is written to RESULTS.md, others are printed."""
    wishes = _wishes()
    whole = wishes.rows == ROWS and wishes.only == list(PARTS) and wishes.rounds >= ROUNDS
    say(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    data = prepare(CACHE, wishes.rows)
    findings = Findings()
    findings.notes.append(f"Load of the machine when the run began: {os.getloadavg()[0]:.1f}.")
    with opened() as bench:
        for name in wishes.only:
            say(f"{name} …")
            PARTS[name](bench, data, wishes.rounds, findings)
        machine = describe(bench.server_version())
    text = render(findings, data, machine, datetime.now(UTC).date())
    print(text)
    if whole:
        RESULTS.write_text(text)
        say(
            f"written to {RESULTS.relative_to(Path.cwd())}"
            if RESULTS.is_relative_to(Path.cwd())
            else "written"
        )
    return 0


def say(text: str) -> None:
    """Tell how far the run is."""
    print(f"{time.perf_counter() - _STARTED:6.1f} s  {text}", file=sys.stderr, flush=True)


def _wishes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of the file; fewer for a quick try")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often the rivals take turns")
    parser.add_argument(
        "--only",
        type=lambda text: [_part(name) for name in text.split(",")],
        default=list(PARTS),
        metavar="PART,…",
        help=f"some of {', '.join(PARTS)}",
    )
    return parser.parse_args()


def _part(name: str) -> str:
    if name not in PARTS:
        raise argparse.ArgumentTypeError(f"no part {name!r}: there are {', '.join(PARTS)}")
    return name


_STARTED = time.perf_counter()

if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as error:
        sys.exit(f"error: {error}")
