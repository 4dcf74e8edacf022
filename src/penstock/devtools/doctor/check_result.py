"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from penstock.model.errors import PenstockError


class Level(StrEnum):
    """Severity: `warning` may cause delays or surprises, `wrong` keeps something from working."""

    ok = "ok"
    warning = "warning"
    wrong = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Args:
        what: Subject of the check, such as `disk`.
        message: The finding.
        remedy: How to fix it; None if it is ok.
    """

    level: Level
    what: str
    message: str
    remedy: str | None = None


def of_error(what: str, error: PenstockError, level: Level = Level.wrong) -> Finding:
    """Turn an error into a finding, with its hint as the remedy."""
    return Finding(level, what, error.message, error.hint or "fix it")
