"""How much memory `penstock copy` holds, its whole process tree, and whether that grows with the rows."""

from __future__ import annotations

from pathlib import Path

from benchmarks.bench import Bench, require
from benchmarks.copying import require_account
from benchmarks.dataset import Dataset, Truth, write_sales
from benchmarks.findings import Claim, Findings
from benchmarks.processes import Peak

_MB = 1_000_000
_MOST_MB = 400
_GROWTH = 1.5
_TIMES = 4


def measure_memory(bench: Bench, data: Dataset, findings: Findings) -> None:
    """The peak at the size of the dataset, and at four times that."""
    small = _peak_mb(bench, data.dirty, data.truth, findings)
    findings.claims.append(
        _claim(data.truth.read, small, f"{small:.0f} MB", f"under {_MOST_MB} MB", met=small < _MOST_MB)
    )
    path = bench.root / "large.csv"
    truth = write_sales(path, _TIMES * data.truth.read)
    large = _peak_mb(bench, path, truth, findings)
    path.unlink()
    growth = large / small
    findings.claims.append(
        _claim(truth.read, large, f"{growth:.2f}", f"under {_GROWTH} times that", met=growth < _GROWTH)
    )


def _peak_mb(bench: Bench, path: Path, truth: Truth, findings: Findings) -> float:
    bench.fresh()
    peak = Peak()
    done, account = bench.copy(path, "warehouse:bench.sales", "--key", "sale_id", peak=peak)
    require_account(account, truth)
    require(peak.rss > 0, "no sample of the memory was taken")
    findings.notes.append(
        f"Memory of a copy of {truth.read:,} rows ({path.stat().st_size / _MB:,.0f} MB, {done.seconds:.1f} s while "
        f"watched): proportional {peak.pss / _MB:.0f} MB and resident {peak.rss / _MB:.0f} MB of the process tree, "
        f"sampled; {peak.high_water / _MB:.0f} MB resident by the kernel's own count of the process."
    )
    return max(peak.rss, peak.high_water) / _MB


def _claim(rows: int, mb: float, measured: str, target: str, *, met: bool) -> Claim:
    what = f"peak resident memory, process tree, {rows / _MB:g} million rows"
    return Claim(what, f"{mb:.0f} MB", "", measured, target, met)
