"""The account of one run of a REST source."""

from __future__ import annotations

from dataclasses import dataclass, field

from penstock.model.api.requests import Answer
from penstock.rest.lake.exact_json import is_json

_FAILED = 400


@dataclass(slots=True)
class Fetched:
    """The account of one run.

    Args:
        asked: Number of requests made, each with all of its pages.
        answers: Number of received pages.
        calls: Number of calls, including retries and redirects.
        failed: Number of failed requests.
        reasons: Number of errors by reason.
        has_next_path: Whether the first answer, or one that had a next page, holds `pages.path`; None without answers.
    """

    asked: int = 0
    answers: int = 0
    absent: int = 0
    unchanged: int = 0
    errors: int = 0
    failed: int = 0
    calls: int = 0
    bytes: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    has_next_path: bool | None = None

    def note(self, reason: str) -> None:
        """Count an error."""
        self.reasons[reason] = self.reasons.get(reason, 0) + 1

    def count(self, answer: Answer) -> None:
        """Count a received answer."""
        self.answers += 1
        self.bytes += len(answer.body)
        self.absent += answer.outcome == "absent"
        self.unchanged += answer.outcome == "unchanged"
        if answer.outcome == "error":
            self.errors += 1
            self.note(_reason(answer))


def _reason(answer: Answer) -> str:
    if answer.status >= _FAILED or not answer.body:
        return f"status {answer.status}"
    return f"status {answer.status} with an error" if is_json(answer.body) else "the answer is not valid JSON"
