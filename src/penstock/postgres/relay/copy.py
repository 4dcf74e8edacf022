"""The steps of a copy from table to table, from the plan to the account."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace

from penstock.engine.identity import identity_of
from penstock.model.checks import require_columns
from penstock.model.columns import pair, require
from penstock.model.connection import Connection
from penstock.model.contract import Change, Column, Contract
from penstock.model.errors import ContractError
from penstock.model.outcome import enforce_limits
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult
from penstock.ports import Entry, Loaded, NeedsStage, Progress, SafeProgress
from penstock.postgres.connect import PgConnection
from penstock.postgres.relay.column_casts import Fit, adapt, fit, require_own, take_mark
from penstock.postgres.relay.create_table import Creation
from penstock.postgres.relay.ends import Origin, Place
from penstock.postgres.relay.foreign_keys import TRANSIENT, Links, explained
from penstock.postgres.relay.incremental import Witness, as_merge, open_increment
from penstock.postgres.relay.load import Inflow
from penstock.postgres.relay.mirror import Triggers, Unequal, compare, may_compare
from penstock.postgres.relay.sequences import align
from penstock.postgres.relay.shadow_table import Incoming, incoming
from penstock.postgres.relay.source_snapshot import Watermarks
from penstock.postgres.relay.source_table import Reading, Snapshot, open_snapshot
from penstock.postgres.relay.stream import Poured
from penstock.postgres.relay.structure import column_types, qualified
from penstock.postgres.target import PostgresSession, lock_name, open_transaction

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ends:
    """The source and target of a copy, and connections to their databases."""

    source: Connection
    origin: Origin
    target: Connection
    place: Place


@dataclass(frozen=True, slots=True)
class Job:
    """One table to copy."""

    plan: CopyPlan
    ends: Ends


Shown = Callable[[int], AbstractContextManager[Progress | None]]


class _Done(Exception):
    """The ledger holds the same copy: what it wrote is rolled back, and the first account is returned."""

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
    (result,) = copy_together([Job(plan, ends)], lambda _: nullcontext(progress), again=again)
    return result


def copy_together(jobs: Sequence[Job], shown: Shown, *, again: bool = False) -> list[CopyResult]:
    """Copy tables of one database into another in one transaction, from one snapshot, all or none.

    Args:
        jobs: The tables; one comes after those that it refers to, unless references are circular.
        shown: Returns the progress receiver of a table, given its place.

    Returns:
        The account of each.

    Raises:
        PenstockError: If nothing was copied, with the reason and a hint.
    """
    jobs = [replace(job, plan=as_merge(job.plan)) if job.plan.cursor else job for job in jobs]
    plan, ends = jobs[0].plan, jobs[0].ends
    address = f"{ends.target.name}:" + ", ".join(f"{j.ends.place.schema}.{j.ends.place.table}" for j in jobs)
    with (
        ExitStack() as asides,
        open_transaction(ends.target, address, visible_rows_only=plan.visible_rows_only) as connection,
    ):
        # The target first: the second of two copies into one table reads the source after the first has committed.
        for schema, table in sorted((job.ends.place.schema, job.ends.place.table) for job in jobs):
            lock_name(connection, schema, table)
        with open_snapshot(ends.source, ends.origin.address, plan) as snapshot:
            together = _Together(jobs, shown, connection, snapshot, asides, again)
            return together.run()


@dataclass(frozen=True, slots=True)
class _Together:
    """The tables of one transaction."""

    jobs: Sequence[Job]
    shown: Shown
    connection: PgConnection
    snapshot: Snapshot
    asides: ExitStack
    again: bool

    def run(self) -> list[CopyResult]:
        links = Links(self.connection, [job.ends.place for job in self.jobs])
        with explained():
            if links.circular:
                links.suspend()
            try:
                with self.connection.transaction():
                    return self._attempt(links)
            except TRANSIENT:
                if not links.suspend():
                    raise
            return self._attempt(links)

    def _attempt(self, links: Links) -> list[CopyResult]:
        links.defer()
        triggers = Triggers(
            self.connection, [(j.ends.place.schema, j.ends.place.table) for j in self._silent]
        )
        triggers.hold()
        sessions = [
            PostgresSession(self.connection, job.ends.place.schema, job.ends.place.table) for job in self.jobs
        ]
        readings = [self.snapshot.reading(job.ends.origin, job.plan) for job in self.jobs]
        results, mirrors = [], []
        for number, (job, session, reading) in enumerate(zip(self.jobs, sessions, readings, strict=True)):
            aside = self.asides.enter_context(incoming(job.ends.target, job.ends.place))
            with self.shown(number) as progress:
                copy = _Copy(job.plan, job.ends, reading, aside, session, links, SafeProgress(progress))
                results.append(self._copy(copy))
                mirrors.append(copy.mirrored)
        links.restore()
        triggers.release()
        # A deletion in one table may have changed another.
        deleted = any(result.deleted for result in results)
        for result, mirrored in zip(results, mirrors, strict=True):
            if mirrored is not None and not (result.rejected or (mirrored.equal and not deleted)):
                mirrored.require_none()
        return results

    @property
    def _silent(self) -> list[Job]:
        return [job for job in self.jobs if job.plan.skip_triggers]

    def _copy(self, copy: _Copy) -> CopyResult:
        started = time.perf_counter()
        while True:
            try:
                with self.connection.transaction():
                    result = copy.run(again=self.again, started=started)
                break
            except _Done as done:
                return copy.session.checked(copy.plan, done.earlier)
            except NeedsStage:
                copy.begin_again(self.snapshot)
        self.connection.execute("DROP TABLE IF EXISTS pg_temp.penstock_stage")
        return result


@dataclass(slots=True)
class _Copy:
    plan: CopyPlan
    ends: Ends
    reading: Reading
    aside: Incoming
    session: PostgresSession
    links: Links
    progress: SafeProgress
    mirrored: Unequal | None = None
    staged: bool = False
    changes: tuple[str, ...] = ()
    mark: Column | None = None

    def begin_again(self, snapshot: Snapshot) -> None:
        """Prepare to run once more, with all rows through the stage; what the first attempt wrote is rolled back."""
        place = self.ends.place
        self.session = PostgresSession(self.session.connection, place.schema, place.table)
        self.reading = snapshot.reading(self.ends.origin, self.plan)
        self.staged = True

    def run(self, *, again: bool, started: float) -> CopyResult:
        found = self.session.contract()
        if found is not None and self.plan.on_change != "fail":
            self.changes = adapt(self.plan, self.reading, self.session, found)
            found = self.session.made()
        if found is not None and self.plan.soft_delete is not None:
            found, self.mark = take_mark(self.plan, self.reading.outputs, found)
        if found is not None:
            require_columns(self.plan.checks, found)
        contract = None if found is None else self.links.known(found)
        if contract is not None and self.plan.mode != "append" and self.session.has_heirs:
            raise ContractError(
                f"tables inherit from {self.plan.target}, and mode {self.plan.mode} would change their rows",
                hint="use --mode append, or a target without such tables",
            )
        inflow = Inflow(self.session, self.reading, self.progress, self.links.handles, self.staged)
        if self.plan.cursor is not None:
            return self._run_increment(inflow, contract, again=again, started=started)
        poured, loaded = self._load(inflow, contract)
        return self._finish(poured, loaded, again=again, started=started)

    def _run_increment(
        self, inflow: Inflow, contract: Contract | None, *, again: bool, started: float
    ) -> CopyResult:
        increment = open_increment(self.plan, self.reading)
        marks = Watermarks(self.session.connection, self.plan)
        mark, last = increment.mark(), None
        # Rows that were copied before have no value in a new column.
        grown = any(change.startswith("added") for change in self.changes)
        if contract is not None and not again and not grown:
            last = marks.read(increment.instant, self.session.oid)
            if last is not None and Witness(increment, self.session, contract).is_lost(last):
                _LOG.warning(
                    "%s has lost rows since the last copy, so all rows are read again", self.plan.target
                )
                last = None
        self.reading.conditions += [] if last is None else increment.since(last)
        poured, loaded = self._load(inflow, contract)
        result = self._finish(poured, loaded, again=again, started=started)
        if last is not None and not increment.searches_all(last):
            mark = replace(mark, complete_open=last.complete_open)
        witness = Witness(increment, self.session, contract or self.session.made())
        mark = replace(mark, held=witness.is_held(mark))
        marks.write(mark, increment.instant, target_oid=self.session.oid, run=self.session.run)
        return result

    def _load(self, inflow: Inflow, contract: Contract | None) -> tuple[Poured, Loaded]:
        if contract is None:
            filled = self._fill_new(inflow)
            if self.plan.soft_delete is not None:
                require_own(self.plan.soft_delete, self.reading.outputs)
                mark = Change(kind="add", column=self.plan.soft_delete, type="timestamp with time zone")
                self.session.alter(self.session.made(), [mark])
            return filled
        poured, loaded = self._fill(inflow, contract)
        if self.mark is not None:
            self.reading.conditions = self.reading.selection
            loaded.deleted += inflow.mark_absent(self._fit(contract), contract, self.mark)
        if loaded.inserted or loaded.updated:
            structure = self.reading.structure
            known = {} if structure is None else {each.column: each for each in structure.sequences}
            named = {output.name: output.plain for output in self.reading.outputs}
            pairs = pair([column.name for column in contract.columns], list(named))
            source = {
                column: known[plain] for column, name in pairs.items() if (plain := named[name]) in known
            }
            align(self.session.connection, self.session.oid, self.ends.place.name, source, new=False)
        return poured, loaded

    def _fill(self, inflow: Inflow, contract: Contract) -> tuple[Poured, Loaded]:
        fit = self._fit(contract)
        if self.plan.mode == "mirror" and may_compare(fit, self.reading, contract):
            self.progress.begin("comparing")
            self.mirrored = compare(fit, self.reading, self.session, contract)
            return inflow.where_unequal(fit, self.mirrored, contract)
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
                filled = inflow.into(self._fit(contract, new=True), contract)
        creation.finish()
        return filled

    # -- preparation

    def _may_be_filled_at_once(self) -> bool:
        """Whether all rows are valid for a new table: each has a key, and keys are unique."""
        if self.plan.order_by is not None or self.plan.delete_flag is not None:
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

    def _fit(self, contract: Contract, *, new: bool = False) -> Fit:
        with qualified(self.session.connection):
            types = column_types(self.session.connection, self.session.oid)
        structure = self.reading.structure
        uniques = () if structure is None else structure.uniques
        plan = self.plan if self.plan.on_change == "fail" else replace(self.plan, fill_missing=True)
        if new and structure is not None and plan.mode == "merge" and not plan.key:
            # The table gets its primary key after the rows.
            key = structure.primary_key
            plan = replace(plan, key=tuple(o.name for o in self.reading.outputs if o.plain in key))
        return fit(plan, contract, self.reading.outputs, types, uniques)

    # -- results

    def _finish(self, poured: Poured, loaded: Loaded, *, again: bool, started: float) -> CopyResult:
        identity = self._identify(poured)
        if self.plan.mode == "append" and not again:
            earlier = self.session.earlier(identity, self.plan)
            if earlier is not None:
                raise _Done(earlier)
        account = loaded.account(identity, read=poured.rows, reasons=self.session.reasons())
        seconds = round(time.perf_counter() - started, 3)
        result = replace(
            account,
            seconds=seconds,
            visible_rows_only=self.plan.visible_rows_only,
            changes=self.changes,
        )
        enforce_limits(self.plan, result, self.session.examples())
        result.check()
        result = self.session.checked(self.plan, result)
        names = [output.name for output in self.reading.outputs]
        self.session.record(
            Entry(plan=self.plan, result=result, files=[self.reading.origin.address], header=names)
        )
        return result

    def _identify(self, poured: Poured) -> str:
        """The identity, of plan and content as for files; known only after the rows were read."""
        columns = [(output.name, output.field.type) for output in self.reading.outputs]
        return identity_of(self.plan, str(columns), str(poured.fingerprint))
