"""Tables that are copied in one transaction, from one snapshot of their source."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace

from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult
from penstock.ports import NeedsStage, Progress, SafeProgress
from penstock.postgres.connect import PgConnection
from penstock.postgres.relay.copy import Done, Ends, TableCopy, count_rows
from penstock.postgres.relay.foreign_keys import TRANSIENT, Links, explained
from penstock.postgres.relay.incremental import as_merge
from penstock.postgres.relay.mirror import Triggers
from penstock.postgres.relay.shadow_table import incoming
from penstock.postgres.relay.source_table import Snapshot, open_snapshot
from penstock.postgres.target import PostgresSession, lock_name, open_transaction


@dataclass(frozen=True, slots=True)
class Job:
    """One table to copy."""

    plan: CopyPlan
    ends: Ends


Shown = Callable[[int], AbstractContextManager[Progress | None]]


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
            return _Group(jobs, shown, connection, snapshot, asides, again).run()


@dataclass(frozen=True, slots=True)
class _Group:
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
        held = [self._held(job, links) for job in self.jobs]
        results, mirrors = [], []
        for number, (job, session, reading) in enumerate(zip(self.jobs, sessions, readings, strict=True)):
            aside = self.asides.enter_context(incoming(job.ends.target, job.ends.place))
            with self.shown(number) as progress:
                safe = SafeProgress(progress)
                copy = TableCopy(job.plan, job.ends, reading, aside, session, links, safe, held[number])
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

    def _held(self, job: Job, links: Links) -> int | None:
        """The rows of a table from which deletions in others may take some before it is copied; None for others."""
        deletes = job.plan.mode in ("mirror", "replace") or job.plan.delete_flag is not None
        return (
            count_rows(self.connection, job.ends.place) if deletes and links.lets_go(job.ends.place) else None
        )

    @property
    def _silent(self) -> list[Job]:
        return [job for job in self.jobs if job.plan.skip_triggers]

    def _copy(self, copy: TableCopy) -> CopyResult:
        started = time.perf_counter()
        while True:
            try:
                with self.connection.transaction():
                    result = copy.run(again=self.again, started=started)
                break
            except Done as done:
                return copy.session.checked(copy.plan, done.earlier)
            except NeedsStage:
                copy.begin_again(self.snapshot)
        self.connection.execute("DROP TABLE IF EXISTS pg_temp.penstock_stage")
        return result
