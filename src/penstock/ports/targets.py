"""Where rows go, and what is said of one copy there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from penstock.model.contract import Column, Contract
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult
from penstock.ports.batches import Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a session needs to know to load one copy.

    Args:
        columns: The target's columns that the source has, in the table's order.
        key: The columns that identify a row; may be empty.
        as_text: Names of columns that travel as text, because the server must read them.
        files: Names of the source's files.
    """

    plan: CopyPlan
    contract: Contract
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    as_text: frozenset[str]
    files: Sequence[str]


@dataclass(slots=True)
class Loaded:
    """What the target did with the rows of one copy, by its own count."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    duplicates: int = 0

    def account(
        self, identity: str, *, read: int, reasons: Mapping[str, int], filtered: int = 0
    ) -> CopyResult:
        """The account of the copy, but for its time.

        Args:
            read: Rows that the source gave.
            reasons: Rejected rows by reason.
            filtered: Rows that the plan left out.

        Example:
            >>> Loaded(inserted=2).account("1", read=3, reasons={"check": 1}).rejected
            1
        """
        return CopyResult(
            id=identity,
            read=read,
            loaded=self.inserted + self.updated + self.unchanged,
            inserted=self.inserted,
            updated=self.updated,
            unchanged=self.unchanged,
            deleted=self.deleted,
            duplicates=self.duplicates,
            rejected=sum(reasons.values()),
            filtered=filtered,
            rejects=reasons,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the ledger keeps of a copy.

    Args:
        files: Names of the source's files.
        header: The source's columns, by which rows in quarantine can be read again.
    """

    plan: CopyPlan
    result: CopyResult
    files: Sequence[str]
    header: Sequence[str]


class Session(Protocol):
    """One copy's transaction on the target. Nothing in it can be seen from outside before it ends well, and no other
    copy into the same table goes on meanwhile.
    """

    def earlier(self, identity: str, plan: CopyPlan) -> CopyResult | None:
        """The account of the same copy, if it was done before and what it left still stands."""

    def contract(self) -> Contract | None:
        """What the table demands; None where there is no such table. Keeps other writers out from here on."""

    def create(self, columns: Sequence[Column]) -> Contract:
        """Make the table; its key is made when the rows are in."""

    def load(self, load: Load, batches: Iterable[Judged]) -> Loaded:
        """Bring the rows over and settle them as the plan's mode asks; rejects go to quarantine.

        Raises:
            TargetError: If the target refuses the copy as a whole.
        """

    def unread(self) -> dict[str, list[int]]:
        """Lines, by file, of rejected rows whose text the quarantine lacks."""

    def fill(self, file: str, raws: dict[int, str]) -> None:
        """Put these texts beside the rejected rows of those lines."""

    def reasons(self) -> dict[str, int]:
        """Rejected rows by reason, counted where they are kept."""

    def examples(self) -> list[str]:
        """The first few rejects, a line each."""

    def record(self, entry: Entry) -> None:
        """Write the account into the ledger."""

    def mark_replayed(self, run: int, *, by: str) -> None:
        """Note that an earlier run's rejects were copied again, by the copy of this identity."""


@runtime_checkable
class RemembersFiles(Protocol):
    """A session that knows which files its table holds."""

    def loaded_files(self, plan: CopyPlan) -> set[str]:
        """Files that were copied into the table by such a plan, and whose rows no later copy has replaced."""


class Target(Protocol):
    """Where rows go."""

    def begin(self) -> AbstractContextManager[Session]:
        """Open a transaction; it commits when the block ends well, and leaves nothing when it does not.

        Raises:
            ConnectionFailed: If the target cannot be reached or entered.
        """
