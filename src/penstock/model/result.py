"""The account of one copy or landing, and rejected rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from penstock.model.checks import CheckResult
from penstock.model.errors import AccountMismatch
from penstock.model.plurals import counted

# The fields of an account that count rows.
COUNTS = (
    "read",
    "loaded",
    "inserted",
    "updated",
    "unchanged",
    "deleted",
    "duplicates",
    "rejected",
    "filtered",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyResult:
    """The account of a copy: ``read = loaded + duplicates + rejected``, ``loaded = inserted + updated + unchanged``.

    Args:
        id: The copy's identity, in the ledger and in quarantine.
        already: The same copy was done before; this is the account of the first, and nothing was changed now.
        unchanged: Rows that the target held already, value for value.
        deleted: Target rows that the copy replaced, deleted, or marked as deleted.
        duplicates: Rows that equal another loaded row in every column.
        filtered: Rows that the plan's ``where`` or its delete flag left out, and comment and footer lines; not in the
            rows read.
        rejects: Rejected rows by reason code.
        replayed: Rejected rows that later replays loaded.
        seconds: Wall time.
        visible_rows_only: The account covers only rows that the login sees; row security may hide others.
        detected: How the source is written, by option, as far as it was detected and differs from the defaults.
            ``renamed`` holds columns that have another name than in the source.
        checks: The results of the plan's checks, on the table as the copy left it.
        changes: What the copy changed in the definition of an existing table, in words.
    """

    id: str
    already: bool = False
    read: int = 0
    loaded: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    duplicates: int = 0
    rejected: int = 0
    filtered: int = 0
    rejects: Mapping[str, int] = field(default_factory=dict)
    replayed: int = 0
    seconds: float = 0.0
    visible_rows_only: bool = False
    detected: Mapping[str, Any] = field(default_factory=dict)
    checks: Sequence[CheckResult] = field(default_factory=list)
    changes: Sequence[str] = ()

    @property
    def all_rejected(self) -> bool:
        """Whether there were rows, and all of them were rejected and none replayed.

        Example:
            >>> CopyResult(id="1", read=3, rejected=3, rejects={"check": 3}).all_rejected
            True
        """
        return self.read > 0 and self.rejected == self.read and not self.replayed

    @property
    def reading(self) -> str | None:
        """What was detected, in words; None where there is nothing to say.

        Example:
            >>> CopyResult(id="1", detected={"delimiter": ";", "header": "no"}).reading
            "read with delimiter ';', without a header: columns are named column_1, column_2 and so on"
        """
        return described(self.detected) if self.detected else None

    def check(self) -> None:
        """Check that the account adds up.

        Raises:
            AccountMismatch: If a row is missing or counted twice.
        """
        if (
            self.read != self.loaded + self.duplicates + self.rejected
            or self.loaded != self.inserted + self.updated + self.unchanged
            or self.rejected != sum(self.rejects.values())
        ):
            raise AccountMismatch(
                f"the account does not add up: {self.to_dict()}", hint="nothing was changed"
            )

    def to_dict(self) -> dict[str, Any]:
        """The account as plain values for JSON."""
        return {**asdict(self), "changes": list(self.changes)}


def described(detected: Mapping[str, Any]) -> str:
    """What was detected, in words."""
    parts = [f"{name} {_shown(detected[name])}" for name in ("delimiter", "quote") if name in detected]
    if "encoding" in detected:
        parts.append(f"encoding {detected['encoding']}")
    if "skip_rows" in detected:
        parts.append(f"{counted(detected['skip_rows'], 'line')} before the header skipped")
    text = f"read with {', '.join(parts)}" if parts else "read"
    if "header" in detected:
        text += f"{',' if parts else ''} without a header: columns are named column_1, column_2 and so on"
    if renamed := detected.get("renamed"):
        names = ", ".join(f"{old!r} is {new}" for new, old in renamed.items())
        text = f"{text}; renamed columns: {names}" if text != "read" else f"renamed columns: {names}"
    return text


def _shown(mark: str | None) -> str:
    return "none" if mark is None else f"'{mark}'" if mark.isprintable() else repr(mark)


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
        without_next: The plan's path of the next page, if no answer holds it: only first pages were requested.
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
    without_next: str | None = None

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
        """Why there are no records, or perhaps too few, in words; None if neither.

        Example:
            >>> LandResult(target="lake:weather", label="h", empty=True).remark()
            'nothing to request: the plan has no rows'
        """
        if not self.empty:
            if self.without_next is None:
                return None
            return (
                f"only first pages: no answer holds {self.without_next!r}, the plan's path of the next page"
            )
        if not self.requests:
            return "nothing to request: the plan has no rows"
        if self.all_absent:
            return "no records: by the plan, answers with this status have none"
        return "no answer holds a record"


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
    SERVER_ERROR = "server_error"


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
