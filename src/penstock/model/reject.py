"""Rejects and their reason codes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Stable codes: why a row went to quarantine. Codes are added, never renamed or reused."""

    MISSING = "missing"
    BAD_TYPE = "bad_type"
    OUT_OF_RANGE = "out_of_range"
    TOO_LONG = "too_long"
    CHECK = "check"
    FOREIGN_KEY = "foreign_key"
    KEY_CONFLICT = "key_conflict"
    MALFORMED = "malformed"
    BAD_ENCODING = "bad_encoding"
    OUTSIDE_INTERVAL = "outside_interval"


@dataclass(frozen=True, slots=True)
class Reject:
    r"""One row that was not loaded.

    Args:
        file: Index of the file among the source's files.
        line: Line (CSV, JSON Lines) or row (Parquet) in that file, counted from 1.
        raw: The row's original text; bytes that are not valid text are written ``\\xNN``.
        reason: The reason code.
        column: The target's column that rejected it, if any.
        message: The reason in words.
    """

    file: int
    line: int
    raw: str
    reason: Reason
    column: str | None
    message: str


@dataclass(frozen=True, slots=True)
class KeptReject:
    """One row in quarantine; see :class:`Reject`.

    Args:
        file: The file's name.
    """

    file: str
    line: int
    raw: str
    reason: str
    column: str | None
    message: str
