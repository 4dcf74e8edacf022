"""The account of one landing."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.model.result import CopyResult


@dataclass(frozen=True, slots=True, kw_only=True)
class LandResult(CopyResult):
    """The account of a landing: ``requests = answered + fresh`` when it is finished.

    A landing is a copy whose rows are answers: the answers in the lake count as read and loaded.
    Its ``id`` is the target with the label.

    Args:
        target: The address of the answers, such as ``lake:weather``.
        label: The label of the landing.
        already: The landing was finished before; this is its first account, and nothing was requested now.
        requests: Requests of the plan.
        answered: Requests with all pages in the lake.
        fresh: Requests not made, because an earlier answer is still valid by the API's cache headers.
        answers: Pages in the lake, from all runs of this landing.
        absent: Answers without records, by their status and the plan.
        unchanged: Answers saying that an earlier answer is still valid.
        calls: Calls of this run, repeated ones and redirects included.
        landed_before: Requests that an earlier run of this landing completed.
        batches: Number of batches that hold the answers.
        bytes: Size of the answers, decompressed.
        empty: No answer holds a record, and no earlier answer is still valid.
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
        # The class is frozen, but its account is computed from its answers.
        account = {"id": f"{self.target} {self.label}", "read": self.answers, "loaded": self.answers}
        for name, value in {**account, "inserted": self.answers - self.unchanged}.items():
            object.__setattr__(self, name, value)

    @property
    def all_absent(self) -> bool:
        """Whether all answers have a status that means no records by the plan."""
        return self.answers > 0 and self.absent == self.answers

    def remark(self) -> str | None:
        """Why there are no records, in words; None if there are some.

        Example:
            >>> LandResult(target="lake:weather", label="h", empty=True).remark()
            'nothing to request: the plan has no rows'
        """
        if not self.empty:
            return None
        if not self.requests:
            return "nothing to request: the plan has no rows"
        if self.all_absent:
            return "no records: by the plan, answers with this status have none"
        return "no answer holds a record"
