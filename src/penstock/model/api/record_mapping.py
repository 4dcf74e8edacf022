"""What the answers of an API mean."""

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
    """How records are taken from answers.

    Args:
        records: Path of the records in an answer: names with dots between, ``*`` for every member. What is found there
            is one record, or a list of them. An empty path is the whole answer, a ``?`` at the end allows that
            nothing is there.
        columns: Column by column the path in the record. ``$request.NAME`` is a value of the row that was asked for,
            ``$status``, ``$url``, ``$asked_at``, ``$answered_at`` and ``$body`` are of the answer, ``.`` is the record
            itself. Without columns, every member is one, those of members joined by ``_``.
    """

    __pydantic_config__ = STRICT

    records: str = ""
    columns: Mapping[str, str] | tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.columns, Mapping):
            object.__setattr__(self, "columns", tuple(self.columns.items()))  # in their order, also as JSON

    @property
    def paths(self) -> dict[str, str]:
        """Each column's path."""
        return dict(self.columns)
