"""The account of one copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from penstock.model.errors import AccountMismatch

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

    @property
    def all_rejected(self) -> bool:
        """Whether there were rows, and all of them were rejected and none replayed.

        Example:
            >>> CopyResult(id="1", read=3, rejected=3, rejects={"check": 3}).all_rejected
            True
        """
        return self.read > 0 and self.rejected == self.read and not self.replayed

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
