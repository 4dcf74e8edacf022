"""Files into a table: beside psql, in memory, and at the start."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.copying import copy_side_by_side
from benchmarks.dataset import Dataset, prepare
from benchmarks.findings import Findings
from benchmarks.memory import measure_memory
from benchmarks.merging import merge_side_by_side
from benchmarks.starting import measure_start

TITLE = "Files into a table"
ABOUT = (
    "Rates count the rows loaded, the same for both, and in the first round the tables they leave are compared "
    "value by value. Every run begins with a fresh clone of the same database, on the embedded server with the "
    "settings that every user gets."
)
ROWS = int(os.environ.get("PENSTOCK_BENCH_ROWS", "5_000_000"))

_CACHE = Path(__file__).parent.parent / ".penstock" / "bench"


def measure(bench: Bench, rounds: int, findings: Findings) -> None:
    """Copies, merges, memory and start-up."""
    data = prepare(_CACHE, ROWS)
    findings.notes.append(_dataset(data))
    copy_side_by_side(bench, data, "bench.sales", rounds, findings)
    copy_side_by_side(bench, data, "bench.sales_keyed", rounds, findings)
    merge_side_by_side(bench, data, rounds, findings)
    measure_memory(bench, data, findings)
    measure_start(bench, data, findings)


def _dataset(data: Dataset) -> str:
    truth = data.truth
    rejects = ", ".join(f"{count:,} {code}" for code, count in truth.rejects.items())
    return (
        f"Penstock copies {truth.read:,} rows of 11 columns ({_mb(data.dirty)}), of which {truth.loaded:,} are good, "
        f"{truth.duplicates:,} repeat an earlier row in everything, and {sum(truth.rejects.values()):,} must be "
        f"rejected ({rejects}). Every account is held against these counts. psql copies a file of the good rows "
        f"alone ({_mb(data.clean)})."
    )


def _mb(file: Path) -> str:
    return f"{file.stat().st_size / 1_000_000:,.0f} MB"
