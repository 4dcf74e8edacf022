"""The account of one landing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LandResult:
    """What became of every request: ``requests = answered + fresh``, once the landing is finished.

    Args:
        target: Where the answers lie, as ``lake:weather``.
        label: What they were landed for.
        already: The same landing was finished before; this is its first account, and nothing was asked now.
        requests: Requests of the plan.
        answered: Requests with all their pages in the lake.
        fresh: Requests not made, for an earlier answer is still good by what the API said of it.
        answers: Pages in the lake, of all runs of this landing.
        absent: Among them, those that hold no records by what the plan says of their status.
        unchanged: Among them, those by which the API said that an earlier answer is still good.
        calls: Calls of this run, repeated ones and redirects included.
        landed_before: Requests that an earlier run of this landing had landed.
        batches: Objects that hold the answers.
        bytes: Of the answers, unpacked.
        seconds: Wall time of this run.
    """

    target: str
    label: str
    already: bool = False
    requests: int = 0
    answered: int = 0
    fresh: int = 0
    answers: int = 0
    absent: int = 0
    unchanged: int = 0
    calls: int = 0
    landed_before: int = 0
    batches: int = 0
    bytes: int = 0
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """The account as plain values, ready for JSON."""
        return asdict(self)
