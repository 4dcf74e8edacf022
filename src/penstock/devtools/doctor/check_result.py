"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from penstock.model.errors import PenstockError


class Level(StrEnum):
    """How bad it is: a warning may cost time or surprise, what is wrong keeps something from working."""

    ok = "ok"
    warning = "warning"
    wrong = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Args:
        what: Which, in a word or two, such as `disk`.
        message: What was found.
        remedy: What to do about it; none where it is ok.
    """

    level: Level
    what: str
    message: str
    remedy: str | None = None


def of_error(what: str, error: PenstockError, level: Level = Level.wrong) -> Finding:
    """An error as a finding, its hint as the remedy."""
    return Finding(level, what, error.message, error.hint or "correct it")
