"""The steps of a copy, from the plan to the account."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TypeVar

from penstock.engine.adaptation import Adaptation
from penstock.engine.cleaning.cleaner import CleanBatch, Cleaner, NeedsServer
from penstock.engine.column_mapping import Match, match_columns
from penstock.engine.duplicates import Repeats
from penstock.engine.identity import identity_of
from penstock.engine.prefetch import Prefetch, Producer
from penstock.engine.type_inference import infer
from penstock.model.checks import require_columns
from penstock.model.columns import MOST_COLUMNS, require
from penstock.model.contract import Column, Contract, Kind
from penstock.model.errors import ContractError, SourceError
from penstock.model.outcome import enforce_limits
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult
from penstock.ports import (
    Batch,
    Entry,
    GrowingSource,
    Judged,
    Load,
    NeedsStage,
    Progress,
    Recognised,
    RemembersFiles,
    SafeProgress,
    Session,
    Source,
    Target,
)

Result = TypeVar("Result")

_NAME_BYTES = 63  # the server cuts longer names


def identify(
    plan: CopyPlan, source: Source, replayed: int | None = None, seen: Callable[[int], None] | None = None
) -> str:
    """The copy's identity: a hash of plan and content, independent of paths and of the threshold of rejects.

    Copies of equal identity are the same, so running one again is safe. Rows that a replay rejected again
    are another copy when they are replayed: the table may have changed.

    Args:
        seen: Receives the number of further bytes read for it.
    """
    whose = () if replayed is None else (f"replays {replayed}",)
    return identity_of(plan, source.fingerprint(seen), *whose)


def copy(
    plan: CopyPlan,
    source: Source,
    target: Target,
    *,
    again: bool = False,
    progress: Progress | None = None,
    replayed: int | None = None,
) -> CopyResult:
    """Carry out a plan completely or not at all.

    Args:
        again: Copy even if the ledger holds the same copy.
        progress: Receives progress updates. If it fails, the copy continues without it.
        replayed: The copy whose rejects the source holds; the copy marks them as replayed.

    Returns:
        The account, written to the ledger in the transaction that wrote the rows.

    Raises:
        PenstockError: If nothing was copied, with the reason and a hint.
    """
    started = time.perf_counter()
    safe = SafeProgress(progress)
    safe.begin("reading", source.size, "bytes")
    identity = identify(plan, source, replayed, lambda read: safe.advance(0, 0, read))

    def once(as_text: frozenset[str], staged: bool) -> CopyResult:
        with target.begin() as session:
            if not again and (earlier := session.earlier(identity, plan)) is not None:
                return session.checked(plan, earlier)
            left = source if again else without_loaded(plan, source, session)
            own = identity
            if left is not source:
                if not left.files:
                    return session.checked(plan, CopyResult(id=identity, already=True))
                own = identify(plan, left, replayed)
            result = Attempt(plan, left, own, as_text, safe, staged).run(session, started)
            if replayed is not None:
                session.mark_replayed(replayed, by=own)
            return result

    return attempt(once)


def attempt(once: Callable[[frozenset[str], bool], Result]) -> Result:
    """Begin a transaction, and again where rows turn out to need another way into the table.

    Args:
        once: Carries out the copy, with the columns to be parsed by the server, and whether all rows go through the
            stage.
    """
    as_text: frozenset[str] = frozenset()
    staged = False
    while True:
        try:
            return once(as_text, staged)
        except NeedsServer as need:
            # A value such as 'infinity', which Arrow types cannot hold: start again with that column as text, for
            # the server to parse. This happens at most once per column.
            as_text |= {need.column}
        except NeedsStage:
            staged = True


def without_loaded(plan: CopyPlan, source: Source, session: Session) -> Source:
    """The source without the files that were loaded before, if it only grows and the mode adds rows."""
    if plan.mode not in ("append", "merge"):
        return source
    if not isinstance(source, GrowingSource) or not isinstance(session, RemembersFiles):
        return source
    loaded = session.loaded_files(plan)
    return source.without(loaded) if loaded.intersection(source.files) else source


@dataclass(slots=True)
class Attempt:
    """A copy in one transaction. Its counts are of this attempt alone.

    Args:
        as_text: Columns that the server parses.
        staged: All rows go through the stage.
        rehearsed: Failed checks do not end it.
    """

    plan: CopyPlan
    source: Source
    identity: str
    as_text: frozenset[str]
    progress: SafeProgress
    staged: bool
    rehearsed: bool = False
    read: int = 0
    filtered: int = 0
    rejected: int = 0
    position: int = 0
    created: Contract | None = None
    changes: tuple[str, ...] = ()

    def run(self, session: Session, started: float) -> CopyResult:
        """Carry it out, and record it in the ledger.

        Raises:
            NeedsServer: A column must be parsed by the server.
            NeedsStage: Rows must go through the stage.
            PenstockError: The copy fails.
        """
        contract = session.contract()
        if contract is None:
            contract = self._create(session)
        require_columns(self.plan.checks, contract)
        if contract is not self.created and isinstance(self.source, Recognised):
            self.source.fit([column.name for column in contract.columns])
        if self.plan.on_change != "fail" and self.created is None:
            contract = self._adapt(session, contract)
        if isinstance(self.source, Recognised):
            self.plan = replace(self.plan, file=self.source.options)
        match = match_columns(self._lenient, contract, self.source.columns)
        load = Load(
            plan=match.plan,
            contract=contract,
            columns=match.columns,
            key=match.key,
            as_text=self.as_text,
            files=self.source.files,
            staged=self.staged,
        )
        # Closed here in any case: its threads must not outlive the load.
        with closing(self._judged(match)) as judged:
            loaded = session.load(load, judged)
        self._explain(session)
        account = loaded.account(
            self.identity, read=self.read, reasons=session.reasons(), filtered=self.filtered
        )
        seconds = round(time.perf_counter() - started, 3)
        result = replace(
            account,
            seconds=seconds,
            visible_rows_only=self.plan.visible_rows_only,
            detected=self.plan.file.findings,
            changes=self.changes,
        )
        enforce_limits(self.plan, result, session.examples())
        result.check()
        result = session.checked(self.plan, result, enforce=not self.rehearsed)
        session.record(
            Entry(plan=self.plan, result=result, files=self.source.files, header=self.source.columns)
        )
        return result

    @property
    def _lenient(self) -> CopyPlan:
        """The plan, which keeps columns that the source no longer has if the table may change."""
        return self.plan if self.plan.on_change == "fail" else replace(self.plan, fill_missing=True)

    def _adapt(self, session: Session, contract: Contract) -> Contract:
        """Change the table's definition as the source has changed, as far as the plan allows."""
        adaptation = Adaptation(self.plan, self.source, self.as_text, self._begin, self._found)
        self.changes = session.alter(contract, adaptation.find(session, contract))
        return (session.contract() or contract) if self.changes else contract

    def _create(self, session: Session) -> Contract:
        if (count := len(self.source.columns)) > MOST_COLUMNS:
            raise ContractError(
                f"{self.plan.source} has {count:,} columns; a table holds at most {MOST_COLUMNS:,}",
                hint="remove some from the file, or turn them into rows",
            )
        if isinstance(self.source, Recognised):
            self.source.require_header()
        if not self.source.columns:
            raise SourceError(
                f"{self.plan.source} has no columns: no row of it can be read",
                hint="check the file and --format",
            )
        self._begin("inferring types")
        columns = infer(self.source, self.plan.file, self._found)
        self._require_distinct(columns)
        names = [column.name for column in columns]
        key = [require(name, names, "key column", self.plan.source) for name in self.plan.key]
        made = [replace(column, nullable=column.nullable and column.name not in key) for column in columns]
        self.created = session.create(made)
        return self.created

    def _require_distinct(self, columns: Sequence[Column]) -> None:
        first: dict[bytes, str] = {}
        for name, column in zip(self.source.columns, columns, strict=True):
            stored = column.name.encode()[:_NAME_BYTES]
            if stored in first:
                raise SourceError(
                    f"{self.plan.source} has two columns of one name: {first[stored]!r} and {name!r}",
                    hint="rename one of them; from an API, declare columns in the plan",
                )
            first[stored] = name

    def _judged(self, match: Match) -> Generator[Judged, None, None]:
        cleaner = Cleaner(
            match.pairs, self.plan.file, required=match.key, where=match.where, as_text=self.as_text
        )
        unsure = any(
            c.kind is Kind.OTHER or c.name in self.as_text for c in match.columns if c.name in match.key
        )
        repeats = Repeats(match.key, unsure=unsure)
        self._begin("copying")
        with (
            Prefetch(Producer(self.source.batches())) as read,
            Prefetch(Producer(map(cleaner.clean, read), interrupt=read.stop)) as clean,
        ):
            for batch in clean:
                self._count(batch)
                again = repeats.mark(batch.rows)
                yield Judged(batch.file, batch.rows, batch.lines, again, batch.rejects)
        self.progress.finish()

    def _count(self, batch: CleanBatch) -> None:
        self.read += batch.read
        self.filtered += batch.filtered
        self.rejected += len(batch.rejects)
        limit = self.plan.max_rejects
        if limit is not None and limit.count is not None and self.rejected > limit.count:
            # A count can be checked early; a rate only at the end.
            shown = [
                f"{self.source.files[r.file]}:{r.line}: {r.reason}: {r.message}" for r in batch.rejects[:3]
            ]
            self._enforce(self.rejected, shown)
        self._advance(batch.read, len(batch.rejects), batch.position)

    def _begin(self, step: str) -> None:
        self.position = 0
        self.progress.begin(step, self.source.size, "bytes")

    def _found(self, batch: Batch) -> None:
        self._advance(len(batch.rows) + len(batch.rejects), len(batch.rejects), batch.position)

    def _advance(self, rows: int, rejected: int, position: int) -> None:
        self.progress.advance(rows, rejected, position - self.position)
        self.position = position

    def _explain(self, session: Session) -> None:
        """Read the text of rows that the server rejected from the source."""
        places = {name: index for index, name in enumerate(self.source.files)}
        for file, lines in session.unread().items():
            session.fill(file, self.source.raw(places[file], lines))

    def _enforce(self, rejected: int, examples: Sequence[str]) -> None:
        if self.plan.max_rejects is not None:
            self.plan.max_rejects.enforce(rejected=rejected, read=self.read, examples=examples)
