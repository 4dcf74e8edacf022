"""Protocols of targets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from penstock.model.contract import Change, Column, Contract
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult
from penstock.ports.sources import Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a session needs to load one copy.

    Args:
        columns: The target's columns that the source has, in the table's order.
        key: The columns that identify a row; may be empty.
        as_text: Names of columns sent as text, because the server must parse them.
        files: Names of the source's files.
        staged: Rows must not go straight into the table: one of them made the server fail.
    """

    plan: CopyPlan
    contract: Contract
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    as_text: frozenset[str]
    files: Sequence[str]
    staged: bool = False


class NeedsStage(Exception):
    """A row that went straight into the table made the server fail: load again through the stage, to find it."""


@dataclass(slots=True)
class Loaded:
    """The target's counts of the rows of one copy.

    Attributes:
        flagged: Rows with a delete flag, which are not loaded: the account has them as filtered.
    """

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    duplicates: int = 0
    flagged: int = 0

    def account(
        self, identity: str, *, read: int, reasons: Mapping[str, int], filtered: int = 0
    ) -> CopyResult:
        """The account of the copy, without its duration.

        Args:
            read: Rows read from the source.
            reasons: Rejected rows by reason.
            filtered: Rows that the plan's filter left out.

        Example:
            >>> Loaded(inserted=2).account("1", read=3, reasons={"check": 1}).rejected
            1
        """
        return CopyResult(
            id=identity,
            read=read - self.flagged,
            loaded=self.inserted + self.updated + self.unchanged,
            inserted=self.inserted,
            updated=self.updated,
            unchanged=self.unchanged,
            deleted=self.deleted,
            duplicates=self.duplicates,
            rejected=sum(reasons.values()),
            filtered=filtered + self.flagged,
            rejects=reasons,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The entry of a copy in the ledger.

    Args:
        files: Names of the source's files.
        header: The source's columns, needed to parse rows in quarantine.
    """

    plan: CopyPlan
    result: CopyResult
    files: Sequence[str]
    header: Sequence[str]


class Session(Protocol):
    """The transaction of one copy on the target. Its changes are invisible until it commits, and no other
    copy into the same table runs at the same time.
    """

    def earlier(self, identity: str, plan: CopyPlan) -> CopyResult | None:
        """The account of the same earlier copy, if its rows have not been replaced since."""

    def contract(self) -> Contract | None:
        """The table's contract, or None if the table does not exist. Locks out other writers."""

    def create(self, columns: Sequence[Column]) -> Contract:
        """Create the table; its key is created after the rows are loaded."""

    def once_copied(self, contract: Contract) -> set[str]:
        """The columns that copies before brought into the table; other columns are its own."""

    def alter(self, contract: Contract, changes: Sequence[Change]) -> tuple[str, ...]:
        """Change the definition of an existing table; returns the changes in words.

        Raises:
            ContractError: If the target refuses.
        """

    def load(self, load: Load, batches: Iterable[Judged]) -> Loaded:
        """Load the rows and merge them by the plan's mode; rejects go to quarantine.

        Raises:
            TargetError: If the copy fails as a whole.
            NeedsStage: If a row made the server fail that did not go through the stage.
        """

    def unread(self) -> dict[str, list[int]]:
        """Lines, by file, of rejected rows whose text the quarantine lacks."""

    def fill(self, file: str, raws: dict[int, str]) -> None:
        """Store these texts with the rejected rows of those lines."""

    def reasons(self) -> dict[str, int]:
        """Number of rejected rows by reason, counted in quarantine."""

    def examples(self) -> list[str]:
        """The first few rejects, a line each."""

    def checked(self, plan: CopyPlan, result: CopyResult, *, enforce: bool = True) -> CopyResult:
        """The account with the results of the plan's checks on the table as it is now.

        Args:
            enforce: Fail if a check fails that does not only warn.

        Raises:
            CheckFailed: If one failed.
        """

    def record(self, entry: Entry) -> None:
        """Write the account into the ledger."""

    def mark_replayed(self, run: int, *, by: str) -> None:
        """Mark an earlier run's rejects as replayed by the copy of this identity."""


@runtime_checkable
class RemembersFiles(Protocol):
    """A session that records which files were loaded."""

    def loaded_files(self, plan: CopyPlan) -> set[str]:
        """Files that were copied into the table by the same plan, and whose rows have not been replaced since."""


class Target(Protocol):
    """A target of rows."""

    def begin(self) -> AbstractContextManager[Session]:
        """Open a transaction, which is committed if the block succeeds and rolled back otherwise.

        Raises:
            ConnectionFailed: If connecting to the target fails.
        """
