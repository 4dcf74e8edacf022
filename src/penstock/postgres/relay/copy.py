"""The steps of a copy from table to table, from the plan to the account."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from penstock.engine.identity import identity_of
from penstock.model.columns import require
from penstock.model.connection import Connection
from penstock.model.contract import Contract
from penstock.model.outcome import enforce_limits
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult
from penstock.ports import Entry, Loaded, NeedsStage, Progress, SafeProgress
from penstock.postgres.relay.column_casts import Fit, fit
from penstock.postgres.relay.create_table import Creation
from penstock.postgres.relay.ends import Origin, Place
from penstock.postgres.relay.incremental import as_merge, open_increment
from penstock.postgres.relay.load import Inflow, compare, may_compare
from penstock.postgres.relay.shadow_table import Incoming, incoming
from penstock.postgres.relay.source_snapshot import Watermarks
from penstock.postgres.relay.source_table import Reading, open_reading
from penstock.postgres.relay.stream import Poured
from penstock.postgres.relay.structure import column_types, qualified
from penstock.postgres.target import PostgresSession, PostgresTarget


@dataclass(frozen=True, slots=True)
class Ends:
    """The source and target of a copy, and connections to their databases."""

    source: Connection
    origin: Origin
    target: Connection
    place: Place


class _Done(Exception):
    """The ledger holds the same copy: the transaction is rolled back, and the first account is returned."""

    def __init__(self, earlier: CopyResult) -> None:
        super().__init__(earlier.id)
        self.earlier = earlier


def copy_table(
    plan: CopyPlan, ends: Ends, *, again: bool = False, progress: Progress | None = None
) -> CopyResult:
    """Carry out a plan whose source is a table or query of a Postgres server, completely or not at all.

    Args:
        again: Copy even if the ledger holds the same copy.
        progress: Receives progress updates. If it fails, the copy continues without it.

    Returns:
        The account, written to the ledger in the transaction that wrote the rows.

    Raises:
        PenstockError: If nothing was copied, with the reason and a hint.
    """
    if plan.cursor is not None:
        plan = as_merge(plan)
    staged = False
    while True:
        try:
            return _copy(plan, ends, again=again, progress=progress, staged=staged)
        except _Done as done:
            return done.earlier
        except NeedsStage:
            staged = True


def _copy(plan: CopyPlan, ends: Ends, *, again: bool, progress: Progress | None, staged: bool) -> CopyResult:
    started = time.perf_counter()
    target = PostgresTarget(
        ends.target, ends.place.schema, ends.place.table, visible_rows_only=plan.visible_rows_only
    )
    # The target first: the second of two copies into one table reads the source after the first has committed.
    with (
        incoming(ends.target, ends.place) as aside,
        target.begin() as session,
        open_reading(ends.source, ends.origin, plan) as reading,
    ):
        copy = _Copy(plan, ends, reading, aside, session, SafeProgress(progress), staged)
        return copy.run(again=again, started=started)


@dataclass(slots=True)
class _Copy:
    plan: CopyPlan
    ends: Ends
    reading: Reading
    aside: Incoming
    session: PostgresSession
    progress: SafeProgress
    staged: bool

    def run(self, *, again: bool, started: float) -> CopyResult:
        connection = self.session.connection
        contract = self.session.contract()
        increment = None if self.plan.cursor is None else open_increment(self.plan, self.reading)
        marks = Watermarks(connection, self.plan)
        mark = None if increment is None else increment.mark()
        if increment is not None and contract is not None and not again:
            last = marks.read(increment.instant, self.session.oid)
            self.reading.conditions += [] if last is None else increment.since(last)
        inflow = Inflow(self.session, self.reading, self.progress, self.staged)
        poured, loaded = self._fill_new(inflow) if contract is None else self._fill(inflow, contract)
        result = self._finish(poured, loaded, again=again, started=started)
        if increment is not None and mark is not None:
            marks.write(mark, increment.instant, target_oid=self.session.oid, run=self.session.run)
        return result

    def _fill(self, inflow: Inflow, contract: Contract) -> tuple[Poured, Loaded]:
        fit = self._fit(contract)
        if self.plan.mode == "mirror" and may_compare(fit, self.reading, contract):
            self.progress.begin("comparing")
            return inflow.where_unequal(fit, compare(fit, self.reading, self.session, contract), contract)
        return inflow.into(fit, contract)

    def _fill_new(self, inflow: Inflow) -> tuple[Poured, Loaded]:
        creation = self._creation()
        at_once = self._may_be_filled_at_once()
        self.aside.sweep(self.session.connection)
        if at_once and len(self.reading.parts()) > 1 and not creation.partitioned:
            poured = self.aside.fill(creation, self.reading, self.session.run, self.progress)
            self.aside.reveal(self.session.connection)
            self.session.made()
            filled = poured, Loaded(inserted=poured.rows)
        else:
            creation.begin()
            contract = self.session.made()
            if at_once:
                filled = inflow.into_new(creation, self.ends.place.name)
            else:
                filled = inflow.into(self._fit(contract), contract)
        creation.finish()
        return filled

    # -- preparation

    def _may_be_filled_at_once(self) -> bool:
        """Whether all rows are valid for a new table: each has a key, and keys are unique."""
        if self.plan.order_by is not None:
            return False
        if not self.plan.key:
            return True
        key = set(self._key())
        structure = self.reading.structure
        if structure is None:
            return False
        plain = {output.name: output.plain for output in self.reading.outputs}
        sources = {plain[name] for name in key}
        nullable = {field.name for field in structure.fields if not field.not_null}
        return not sources & nullable and any(set(unique) == sources for unique in structure.uniques)

    def _key(self) -> list[str]:
        names = [output.name for output in self.reading.outputs]
        return [require(name, names, "key column", "the source") for name in self.plan.key]

    def _creation(self) -> Creation:
        return Creation(
            self.session.connection,
            self.ends.place,
            self.reading.outputs,
            self.reading.structure,
            self._key(),
        )

    def _fit(self, contract: Contract) -> Fit:
        with qualified(self.session.connection):
            types = column_types(self.session.connection, self.session.oid)
        structure = self.reading.structure
        uniques = () if structure is None else structure.uniques
        return fit(self.plan, contract, self.reading.outputs, types, uniques)

    # -- results

    def _finish(self, poured: Poured, loaded: Loaded, *, again: bool, started: float) -> CopyResult:
        identity = self._identify(poured)
        if self.plan.mode == "append" and not again:
            earlier = self.session.earlier(identity, self.plan)
            if earlier is not None:
                raise _Done(earlier)
        account = loaded.account(identity, read=poured.rows, reasons=self.session.reasons())
        seconds = round(time.perf_counter() - started, 3)
        result = replace(account, seconds=seconds, visible_rows_only=self.plan.visible_rows_only)
        enforce_limits(self.plan, result, self.session.examples())
        result.check()
        names = [output.name for output in self.reading.outputs]
        self.session.record(
            Entry(plan=self.plan, result=result, files=[self.reading.origin.address], header=names)
        )
        return result

    def _identify(self, poured: Poured) -> str:
        """The identity, of plan and content as for files; known only after the rows were read."""
        columns = [(output.name, output.field.type) for output in self.reading.outputs]
        return identity_of(self.plan, str(columns), str(poured.fingerprint))
