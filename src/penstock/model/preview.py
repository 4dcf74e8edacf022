"""What a copy would do, found without doing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from penstock.model.errors import PenstockError
from penstock.model.result import CopyResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The value that decided a column's type.

    Args:
        before: The type that holds every value before it.
        value: The first value that this type does not hold.
        file: Name of its file.
        line: Its line (CSV, JSON Lines) or row (Parquet), counted from 1.
    """

    before: str
    value: str
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InferredColumn:
    """A column of the source.

    Args:
        source: Its name in the file.
        name: Its name in a table created from the file.
        type: The narrowest type that holds every value exactly.
        decision: Why the type is not a narrower one, if one value decided it.
    """

    source: str
    name: str
    type: str
    decision: Decision | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a copy would do.

    Args:
        source: The source's address.
        target: The target's address; empty if only the source was read.
        reading: How the source is read, by option: format, encoding, delimiter and so on.
        detected: The options among these whose value comes from the content.
        columns: The source's columns with inferred types.
        sample: The first rows, as texts; None is a missing value.
        rows: Number of rows that were read, including those that cannot be parsed.
        rejects: Number of rows that would be rejected, by reason.
        examples: The first rejects, a line each.
        account: The account of the copy into the target, which was rolled back.
        ddl: The statement that creates the table, if it does not exist.
        error: Why the copy would fail, if it would.
    """

    source: str
    target: str
    reading: Mapping[str, Any]
    detected: Sequence[str]
    columns: Sequence[InferredColumn]
    sample: Sequence[Sequence[str | None]]
    rows: int
    rejects: Mapping[str, int]
    examples: Sequence[str]
    account: CopyResult | None = None
    ddl: str | None = None
    error: PenstockError | None = field(default=None, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The preview as plain values for JSON."""
        error = None if self.error is None else {"message": self.error.message, "hint": self.error.hint}
        return {
            "source": self.source,
            "target": self.target or None,
            "reading": dict(self.reading),
            "detected": list(self.detected),
            "columns": [asdict(column) for column in self.columns],
            "sample": [list(row) for row in self.sample],
            "rows": self.rows,
            "rejects": dict(self.rejects),
            "examples": list(self.examples),
            "account": None if self.account is None else self.account.to_dict(),
            "ddl": self.ddl,
            "error": error,
        }
