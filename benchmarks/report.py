"""Findings as a section of RESULTS.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from statistics import median

from benchmarks.findings import Contest, Findings, Timing
from benchmarks.topics import Topic


def render(topic: Topic, findings: Findings, machine: Sequence[tuple[str, str]], day: date) -> str:
    """The topic's section."""
    parts = [
        f"## {topic.title}",
        f"Measured on {day.isoformat()}, {', '.join(f'{name} {value}' for name, value in machine)}. {topic.about}",
        _claims(findings),
        *findings.notes,
        *(_contest(contest) for contest in findings.contests),
    ]
    return "\n\n".join(parts) + "\n"


def _claims(findings: Findings) -> str:
    heads = ("measured", "Penstock", "rival", "ratio or figure", "target", "met")
    rows = (
        (c.what, c.penstock, c.rival, c.measured, c.target, "yes" if c.met else "**no**")
        for c in findings.claims
    )
    return _table(heads, rows)


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
    return f"### {contest.title[0].upper()}{contest.title[1:]}\n\n{_table(heads, rows)}"


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
