"""The account of one landing."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.model.result import CopyResult


@dataclass(frozen=True, slots=True, kw_only=True)
class LandResult(CopyResult):
    """What became of every request: ``requests = answered + fresh``, once the landing is finished.

    A landing is a copy whose rows are answers: those that the lake holds are its rows read and
    loaded. Its ``id`` is the target with the label.

    Args:
        target: Where the answers lie, as ``lake:weather``.
        label: What they were landed for.
        already: The same landing was finished before; this is its first account, and nothing was requested now.
        requests: Requests of the plan.
        answered: Requests with all their pages in the lake.
        fresh: Requests not made, because by what the API said of it an earlier answer is still good.
        answers: Pages in the lake, of all runs of this landing.
        absent: Among them, those that hold no records by what the plan says of their status.
        unchanged: Among them, those by which the API said that an earlier answer is still good.
        calls: Calls of this run, repeated ones and redirects included.
        landed_before: Requests that an earlier run of this landing had landed.
        batches: Objects that hold the answers.
        bytes: Of the answers, unpacked.
        empty: No answer holds a record, and none is good from an earlier landing.
        seconds: Wall time of this run.
    """

    id: str = ""
    target: str
    label: str
    requests: int = 0
    answered: int = 0
    fresh: int = 0
    answers: int = 0
    absent: int = 0
    calls: int = 0
    landed_before: int = 0
    batches: int = 0
    bytes: int = 0
    empty: bool = False

    def __post_init__(self) -> None:
        # Frozen, but its account follows from its answers.
        account = {"id": f"{self.target} {self.label}", "read": self.answers, "loaded": self.answers}
        for name, value in {**account, "inserted": self.answers - self.unchanged}.items():
            object.__setattr__(self, name, value)

    @property
    def all_absent(self) -> bool:
        """Whether all answers are of a status that, as the plan says, comes without records."""
        return self.answers > 0 and self.absent == self.answers

    def remark(self) -> str | None:
        """Why there are no records, in words; None where there are some.

        Example:
            >>> LandResult(target="lake:weather", label="h", empty=True).remark()
            'there was nothing to ask: the plan has no rows'
        """
        if not self.empty:
            return None
        if not self.requests:
            return "there was nothing to ask: the plan has no rows"
        if self.all_absent:
            return "no records: by the plan, answers of this status have none"
        return "no answer holds a record"
