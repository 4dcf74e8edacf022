"""How records are read from the answers of an API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from penstock.model.api.strictness import STRICT

Action = Literal["records", "absent", "error", "retry", "stop"]

DEFAULT_ACTIONS: Mapping[str, Action] = {
    "2xx": "records",
    "401": "stop",
    "403": "stop",
    "408": "retry",
    "425": "retry",
    "429": "retry",
    "4xx": "error",
    "501": "error",
    "5xx": "retry",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """How records are read from answers.

    Args:
        records: Path of the records in an answer: names with dots between, ``*`` for every member. It leads to one
            record or a list of them. An empty path means the whole answer; with a ``?`` at the end, the path may be
            missing from an answer.
        columns: Path of each column in the record. ``$request.NAME`` is a value of the requested row; ``$status``,
            ``$url``, ``$asked_at``, ``$answered_at`` and ``$body`` belong to the answer; ``.`` is the record itself.
            Without columns, every member is a column, and names of nested members are joined by ``_``.
    """

    __pydantic_config__ = STRICT

    records: str = ""
    columns: Mapping[str, str] | tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.columns, Mapping):
            object.__setattr__(
                self, "columns", tuple(self.columns.items())
            )  # keeps their order, also in JSON

    @property
    def paths(self) -> dict[str, str]:
        """Each column's path."""
        return dict(self.columns)
