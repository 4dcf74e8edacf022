"""The steps of a copy from table to table, from the plan to the account."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace

from psycopg.sql import Composed

from penstock.engine.identity import identity_of
from penstock.model.checks import require_columns
from penstock.model.columns import pair, require
from penstock.model.connection import Connection
from penstock.model.contract import Change, Column, Contract
from penstock.model.errors import ContractError
from penstock.model.outcome import enforce_limits
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult
from penstock.ports import Entry, Loaded, SafeProgress
from penstock.postgres.connect import PgConnection
from penstock.postgres.queries import queries
from penstock.postgres.relay.column_casts import Fit, adapt, fit, require_own, take_mark
from penstock.postgres.relay.create_table import Creation
from penstock.postgres.relay.ends import Origin, Place
from penstock.postgres.relay.foreign_keys import Links
from penstock.postgres.relay.incremental import Witness, open_increment
from penstock.postgres.relay.load import Inflow
from penstock.postgres.relay.mirror import Unequal, compare, may_compare
from penstock.postgres.relay.sequences import align
from penstock.postgres.relay.shadow_table import Incoming
from penstock.postgres.relay.source_snapshot import Watermarks
from penstock.postgres.relay.source_table import Reading, Snapshot
from penstock.postgres.relay.stream import Poured
from penstock.postgres.relay.structure import column_types, qualified
from penstock.postgres.target import PostgresSession

_LOG = logging.getLogger(__name__)
_SQL = queries(__package__, "schema.sql")


@dataclass(frozen=True, slots=True)
class Ends:
    """The source and target of a copy, and connections to their databases."""

    source: Connection
    origin: Origin
    target: Connection
    place: Place


class Done(Exception):
    """The ledger holds the same copy: what it wrote is rolled back, and the first account is returned."""

    def __init__(self, earlier: CopyResult) -> None:
        super().__init__(earlier.id)
        self.earlier = earlier


def count_rows(connection: PgConnection, place: Place) -> int:
    """The rows of a table."""
    statement = Composed([_SQL["held"].format(table=place.name)])
    row = connection.execute(statement).fetchone()
    assert row is not None
    return int(row["rows"])


@dataclass(slots=True)
class TableCopy:
    """A copy of one table within its transaction.

    Args:
        aside: Where a large new table is filled.
        held: Rows of the target before other tables were copied, if their deletions may take some.
        mirrored: How the tables differed.
        staged: All rows go through the stage.
        changes: What changed in the definition of the target, in words.
        grown: It got a column.
        mark: The column that marks rows that the source no longer has.
    """

    plan: CopyPlan
    ends: Ends
    reading: Reading
    aside: Incoming
    session: PostgresSession
    links: Links
    progress: SafeProgress
    held: int | None = None
    mirrored: Unequal | None = None
    staged: bool = False
    changes: tuple[str, ...] = ()
    grown: bool = False
    mark: Column | None = None

    def begin_again(self, snapshot: Snapshot) -> None:
        """Prepare to run once more, with all rows through the stage; what the first attempt wrote is rolled back."""
        place = self.ends.place
        self.session = PostgresSession(self.session.connection, place.schema, place.table)
        self.reading = snapshot.reading(self.ends.origin, self.plan)
        self.staged = True

    def run(self, *, again: bool, started: float) -> CopyResult:
        """Carry it out, and record it in the ledger.

        Raises:
            Done: The ledger holds the same copy.
            NeedsStage: Rows must go through the stage.
            PenstockError: The copy fails.
        """
        found = self.session.contract()
        if found is not None and self.plan.on_change != "fail":
            before = {column.name for column in found.columns}
            self.changes = adapt(self.plan, self.reading, self.session, found)
            found = self.session.made()
            self.grown = not before.issuperset(column.name for column in found.columns)
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
        if contract is not None and not again and not self.grown:
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
                raise Done(earlier)
        if self.held is not None:
            left = count_rows(self.session.connection, self.ends.place)
            loaded.deleted += max(0, self.held + loaded.inserted - loaded.deleted - left)
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
