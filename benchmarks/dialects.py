"""Whether files are read right without options, beside DuckDB's and Python's detection."""

from __future__ import annotations

import csv
import io
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.dialect_corpus import Case, corpus
from benchmarks.findings import Claim, Findings
from penstock.files.source import FileSource, open_files
from penstock.model.errors import PenstockError
from penstock.model.file_options import FileOptions

TITLE = "Files without options"
ABOUT = (
    "Generated CSV files of known dialects are read without options. *exact*: every row and every column name is"
    " right; of files with a damaged record also that no other record is lost and that the damaged one is not loaded."
    " *rest rejected*: the rows that came are right, and others were rejected. *refused*: the file was refused with an"
    " error. *wrong*: anything else. DuckDB's and Python's sniffers detect the dialect, and Python's `csv` reads the"
    " file by it. They do not try some of the dialects here: `^`, `\\x01`, UTF-16, cp1252."
)
# Of a seed whose misses nobody has looked at: another one after every change that they led to.
CASES, SEED = 1000, 4711
_TARGET, _SILENT = 95.0, 0.5
_OUTCOMES = ("exact", "rest rejected", "refused", "wrong")

Rows = Sequence[tuple[str, ...]]
Read = tuple[tuple[str, ...] | None, Rows, int]


class Refused(Exception):
    """The file is not read."""


def measure(bench: Bench, rounds: int, findings: Findings) -> None:  # noqa: ARG001
    """Read the corpus by each detector."""
    figures = judged(CASES, SEED)
    for name, (counts, _, seconds) in figures.items():
        shown = ", ".join(f"{counts[outcome] * 100 / CASES:.1f} % {outcome}" for outcome in _OUTCOMES)
        findings.notes.append(f"- **{name}**: {shown}; {seconds * 1000 / CASES:.1f} ms a file.")
    mine, duck = (figures[name][0] for name in ("Penstock", "DuckDB sniffer"))
    exact, wrong = mine["exact"] * 100 / CASES, mine["wrong"] * 100 / CASES
    findings.claims += [
        Claim("files read right without options", f"{exact:.1f} %", f"{duck['exact'] * 100 / CASES:.1f} %",
              f"{exact:.1f} %", f"at least {_TARGET:g} %", exact >= _TARGET),
        Claim("files read wrong in silence", f"{wrong:.2f} %", f"{duck['wrong'] * 100 / CASES:.2f} %",
              f"{wrong:.2f} %", f"below {_SILENT:g} %", wrong < _SILENT),
    ]  # fmt: skip


def judged(
    count: int, seed: int, names: Sequence[str] = ()
) -> dict[str, tuple[Counter[str], list[tuple[str, Case]], float]]:
    """Each detector's outcomes over the corpus, with the cases that were not read exactly, and its seconds."""
    found = {}
    for name, read in READERS.items():
        if names and name not in names:
            continue
        counts: Counter[str] = Counter()
        missed: list[tuple[str, Case]] = []
        seconds = 0.0
        for case in corpus(count, seed):
            began = time.perf_counter()
            outcome = judge(case, read)
            seconds += time.perf_counter() - began
            counts[outcome] += 1
            if outcome != "exact":
                missed.append((outcome, case))
        found[name] = (counts, missed, seconds)
    return found


def judge(case: Case, read: Callable[[bytes], Read]) -> str:
    """What became of a file."""
    try:
        header, rows, rejected = read(case.content)
    except Refused:
        return "refused"
    if header != case.header and not (header is not None and not rows and rejected):
        return "wrong"
    if list(rows) == list(case.rows):
        return "exact"
    left = iter(case.rows)
    return "rest rejected" if rejected and all(row in left for row in rows) else "wrong"


def by_penstock(content: bytes) -> Read:
    """As a copy reads it into a new table."""
    try:
        source = open_files("-", FileOptions(), stdin=io.BytesIO(content))
        assert isinstance(source, FileSource)
        source.require_header()
        rows: list[tuple[str | None, ...]] = []
        rejected = 0
        for batch in source.batches():
            rejected += len(batch.rejects)
            rows += zip(*(array.to_pylist() for array in batch.rows.columns), strict=True)
    except PenstockError as error:
        raise Refused from error
    header = None if "header" in source.options.detected else tuple(source.columns)
    return header, [tuple(cell or "" for cell in row) for row in rows], rejected


def by_duckdb(content: bytes) -> Read:
    """By DuckDB's sniffer."""
    import duckdb

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "in.csv")
        path.write_bytes(content)
        try:
            found = duckdb.execute("SELECT * FROM sniff_csv(?)", [str(path)]).fetchall()[0]
        except duckdb.Error as error:
            raise Refused from error
    delimiter, quote, skip, headed = found[0], found[1], found[5], found[6]
    text = content.decode("utf-8-sig", "surrogateescape")
    return _by_csv(text, skip, delimiter=delimiter, quote=quote if len(quote) == 1 else None, headed=headed)


def by_python(content: bytes) -> Read:
    """By the standard library's sniffer."""
    try:
        text = content.decode("utf-8-sig")
        sniffer = csv.Sniffer()
        sample = text[:20_000]
        dialect = sniffer.sniff(sample)
        headed = sniffer.has_header(sample)
    except (csv.Error, UnicodeDecodeError) as error:
        raise Refused from error
    return _by_csv(
        text,
        0,
        delimiter=dialect.delimiter,
        quote=dialect.quotechar,
        headed=headed,
        blanks=dialect.skipinitialspace,
    )


def _by_csv(
    text: str, skip: int, *, delimiter: str, quote: str | None, headed: bool, blanks: bool = False
) -> Read:
    lines = io.StringIO(text, newline="")
    for _ in range(skip):
        lines.readline()
    try:
        rows = [tuple(row) for row in _reader(lines, delimiter, quote, blanks=blanks) if row]
    except csv.Error as error:
        raise Refused from error
    header = rows.pop(0) if headed and rows else None
    width = len(header or (rows or [()])[0])
    good = [row for row in rows if len(row) == width]
    return header, good, len(rows) - len(good)


def _reader(lines: io.StringIO, delimiter: str, quote: str | None, *, blanks: bool) -> Iterator[list[str]]:
    blanks |= len(delimiter) > 1 and delimiter[1:] == " "
    if quote is None:
        return csv.reader(lines, delimiter=delimiter[:1], quoting=csv.QUOTE_NONE, skipinitialspace=blanks)
    return csv.reader(lines, delimiter=delimiter[:1], quotechar=quote, skipinitialspace=blanks)


READERS: dict[str, Callable[[bytes], Read]] = {
    "Penstock": by_penstock,
    "DuckDB sniffer": by_duckdb,
    "csv.Sniffer": by_python,
}
