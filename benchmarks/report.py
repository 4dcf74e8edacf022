"""Findings as the text of RESULTS.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from statistics import median

from benchmarks.dataset import Dataset
from benchmarks.findings import Contest, Findings, Timing


def render(findings: Findings, data: Dataset, machine: Sequence[tuple[str, str]], day: date) -> str:
    """The whole page."""
    parts = [
        "# How fast, how large",
        _introduction(day),
        _claims(findings),
        _dataset(data),
        *(_contest(contest) for contest in findings.contests),
        *findings.notes,
        "## Machine and versions",
        _table(("", ""), machine),
    ]
    return "\n\n".join(parts) + "\n"


def _introduction(day: date) -> str:
    return (
        f"Written by `make bench` on {day.isoformat()}. Ratios are medians over rounds in which the rivals took turns, "
        "least and greatest in brackets. Times are those of whole processes, where nothing else is said; "
        "processor times are medians, and `others` is the share of the machine that other programs took meanwhile."
    )


def _claims(findings: Findings) -> str:
    heads = ("measured", "Penstock", "rival", "ratio or figure", "target", "met")
    rows = (
        (c.what, c.penstock, c.rival, c.measured, c.target, "yes" if c.met else "**no**")
        for c in findings.claims
    )
    return _table(heads, rows)


def _dataset(data: Dataset) -> str:
    truth = data.truth
    rejects = ", ".join(f"{count:,} {code}" for code, count in truth.rejects.items())
    return (
        f"Penstock copies {truth.read:,} rows of 11 columns ({_mb(data.dirty)}), of which {truth.loaded:,} are good, "
        f"{truth.duplicates:,} repeat an earlier row in everything, and {sum(truth.rejects.values()):,} must be "
        f"rejected ({rejects}). Every account is held against these counts. psql copies a file of the good rows "
        f"alone ({_mb(data.clean)}); rates count the rows loaded, the same for both, and in the first round the "
        "tables they leave are compared value by value. Every run begins with a fresh clone of the same database, "
        "on the embedded server with the settings that every user gets."
    )


def _mb(file: Path) -> str:
    return f"{file.stat().st_size / 1_000_000:,.0f} MB"


def _contest(contest: Contest) -> str:
    count = max(map(len, contest.rounds.values()))
    heads = (
        "seconds",
        *(f"round {turn}" for turn in range(1, count + 1)),
        "client CPU",
        "server CPU",
        "others",
    )
    rows = [(name, *_runs(timings)) for name, timings in contest.rounds.items()]
    return f"## {contest.title[0].upper()}{contest.title[1:]}\n\n{_table(heads, rows)}"


def _runs(timings: Sequence[Timing]) -> list[str]:
    return [
        *(f"{timing.seconds:.2f}" for timing in timings),
        f"{median(timing.client_s for timing in timings):.2f}",
        f"{median(timing.server_s for timing in timings):.2f}",
        f"{median(timing.others for timing in timings):.0%}",
    ]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
