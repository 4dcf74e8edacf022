"""The files that a run copies, generated once, and what an honest account of them says."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl
import xxhash

from benchmarks import dirt, rows
from benchmarks.dirt import DIRT
from benchmarks.rows import (
    CONFLICT,
    DUPLICATE,
    FIRST_DIRT,
    GOOD,
    HEADER,
    Kinds,
    kinds_of,
    lines_of,
    stretches,
)
from penstock.model.result import Reason

CHANGED_SHARE, NEW_SHARE = 100, 500  # one row in this many: 50,000 and 10,000 of 5 million


@dataclass(frozen=True, slots=True)
class Truth:
    """What the generator knows of a file.

    Args:
        rejects: Rejected rows by reason.
    """

    read: int
    loaded: int
    duplicates: int
    rejects: dict[str, int]


@dataclass(frozen=True, slots=True)
class Dataset:
    """The files of one size.

    Args:
        dirty: What Penstock copies.
        clean: Its good rows, each once: what psql copies.
        delta: Rows to merge, all of them clean: some changed, then some new.
        changed: How many are changed, how many ``new``.
    """

    dirty: Path
    clean: Path
    delta: Path
    truth: Truth
    changed: int
    new: int


def prepare(cache: Path, count: int) -> Dataset:
    """The files of this many rows, from the cache or newly generated; those of an earlier generator are removed."""
    home = cache / f"{count}-{_version()}"
    if not home.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _sweep(cache)
        building = Path(tempfile.mkdtemp(dir=cache, prefix=".making-"))
        building.chmod(0o755)
        truth = write_sales(building / "dirty.csv", count, clean=building / "clean.csv")
        changed, new = write_delta(building / "delta.csv", count)
        facts = {"truth": asdict(truth), "changed": changed, "new": new}
        (building / "truth.json").write_text(json.dumps(facts))
        building.rename(home)
    facts = json.loads((home / "truth.json").read_text())
    return Dataset(
        home / "dirty.csv",
        home / "clean.csv",
        home / "delta.csv",
        Truth(**facts["truth"]),
        facts["changed"],
        facts["new"],
    )


def write_sales(path: Path, count: int, *, clean: Path | None = None) -> Truth:
    """Write this many rows including invalid ones and duplicates, and a second file with only the valid ones."""
    found: Counter[int] = Counter()
    with path.open("wb") as dirty_file, (clean or Path("/dev/null")).open("wb") as clean_file:
        _write_header(dirty_file)
        _write_header(clean_file)
        for numbers in stretches(count):
            kinds = kinds_of(numbers)
            found.update(dict(enumerate(np.bincount(kinds).tolist())))
            lines = lines_of(numbers, kinds)
            _write(dirty_file, lines)
            if clean is not None:
                _write(clean_file, lines.filter(pl.Series(kinds == GOOD)))
    return _truth(count, found)


def write_delta(path: Path, count: int) -> tuple[int, int]:
    """Write rows with new values under keys spread over the table, then rows with new keys; returns how many."""
    changed, new = count // CHANGED_SHARE, count // NEW_SHARE
    numbers = np.arange(count, dtype=np.uint64)
    good = numbers[kinds_of(numbers) == GOOD]
    chosen = good[np.linspace(0, len(good) - 1, changed).astype(np.int64)]
    # Ids far behind the file's own, so that a row with such an id is new.
    added = np.arange(10 * count, 10 * count + new, dtype=np.uint64)
    with path.open("wb") as file:
        _write_header(file)
        for part in (chosen, added):
            kinds: Kinds = np.full(len(part), GOOD)
            _write(file, lines_of(part, kinds, revision=1))
    return changed, new


def _truth(count: int, found: Counter[int]) -> Truth:
    rejects: Counter[str] = Counter()
    for kind, spoilt in enumerate(DIRT.values(), FIRST_DIRT):
        rejects[spoilt.reason.value] += found[kind]
    rejects[Reason.KEY_CONFLICT.value] += found[CONFLICT]
    return Truth(count, found[GOOD], found[DUPLICATE], {code: n for code, n in sorted(rejects.items()) if n})


def _write_header(file: BinaryIO) -> None:
    file.write(",".join(HEADER).encode() + b"\n")


def _write(file: BinaryIO, lines: pl.Series) -> None:
    lines.to_frame().write_csv(file, include_header=False, quote_style="never")


def _version() -> str:
    sources = (Path(module.__file__).read_bytes() for module in (dirt, rows) if module.__file__)
    return xxhash.xxh3_64_hexdigest(b"".join([*sources, Path(__file__).read_bytes()]))[:8]


def _sweep(cache: Path) -> None:
    for left in cache.iterdir():
        if not left.name.endswith(f"-{_version()}"):
            shutil.rmtree(left)
