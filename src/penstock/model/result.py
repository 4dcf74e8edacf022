"""The account of one copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

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
        deleted: Target rows that the copy replaced.
        duplicates: Rows that equal another loaded row in every column.
        filtered: Rows that the plan's ``where`` left out; not among the rows read.
        rejects: Rejected rows by reason code.
        replayed: Rejected rows that later replays loaded.
        seconds: Wall time.
        visible_rows_only: The account covers only rows that the login sees; row security may hide others.
        detected: How the source is written, by option, as far as it was detected and differs from the defaults.
            ``renamed`` holds columns that have another name than in the source.
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
        return asdict(self)


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
