"""The transaction of one copy on a Postgres server."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
from psycopg.sql import Identifier

from penstock.model.checks import enforce_checks
from penstock.model.connection import Connection
from penstock.model.contract import Change, Column, Contract
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult
from penstock.ports import Entry, Judged, Load, Loaded, NeedsStage
from penstock.postgres import catalog, ledger
from penstock.postgres.alter_table import alter_table, once_copied
from penstock.postgres.checks import record_checks, run_checks
from penstock.postgres.connect import PgConnection, connect, refused
from penstock.postgres.create_table import add_primary_key, create_table, make_partitions
from penstock.postgres.merge import Settler
from penstock.postgres.presence import is_empty, is_present
from penstock.postgres.queries import queries
from penstock.postgres.row_errors import is_row_error
from penstock.postgres.staging import ALL, Shape, Statements
from penstock.postgres.validate import read_texts, reject_by_constraints, reject_outside

if TYPE_CHECKING:
    from penstock.postgres.load_batches import Loader

_SQL = queries(__package__, "merge.sql")


class PostgresTarget:
    """A table on a Postgres server, which may not exist yet.

    Args:
        visible_rows_only: Use only rows that the login sees if row security hides others, instead of failing.

    Example:
        >>> from penstock.lookup.connections import find
        >>> with PostgresTarget(find("warehouse"), "public", "product").begin() as session:
        ...     type(session).__name__
        'PostgresSession'
    """

    def __init__(
        self, connection: Connection, schema: str, table: str, *, visible_rows_only: bool = False
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._table = table
        self._visible_rows_only = visible_rows_only

    @contextmanager
    def begin(self) -> Iterator[PostgresSession]:
        """Open a transaction, which is committed if the block succeeds and rolled back otherwise.

        Raises:
            ConnectionFailed: If connecting to the server fails.
            TargetError: If the copy fails as a whole.
        """
        address = f"{self._connection.name}:{self._schema}.{self._table}"
        with open_transaction(self._connection, address, visible_rows_only=self._visible_rows_only) as opened:
            yield PostgresSession(opened, self._schema, self._table)


@contextmanager
def open_transaction(
    target: Connection, address: str, *, visible_rows_only: bool = False
) -> Iterator[PgConnection]:
    """A connection in the transaction of a copy, with a ledger. See :meth:`PostgresTarget.begin`.

    Args:
        address: What is copied into, for messages.
    """
    opened = connect(target, visible_rows_only=visible_rows_only)
    try:
        with opened, opened.transaction():
            ledger.prepare(opened)
            yield opened
    except psycopg.Error as error:
        raise refused(error, f"copying into {address}") from None


class PostgresSession:
    """See :class:`penstock.ports.Session`."""

    def __init__(self, connection: PgConnection, schema: str, table: str) -> None:
        self._connection = connection
        self._schema = schema
        self._table = table
        lock_name(connection, schema, table)
        self._oid = catalog.locate(connection, schema, table)
        self._run = ledger.next_run(connection)
        self._new = False

    def earlier(self, identity: str, plan: CopyPlan) -> CopyResult | None:
        """The account of the same earlier copy, if its rows are still in the table.

        Raises:
            TargetError: If only some of them are, and copying them again would duplicate these.
        """
        if self._oid is None:
            return None
        found = ledger.earlier(self._connection, identity, self._oid, plan)
        if found is None:
            return None
        contract = catalog.read_contract(self._connection, self._oid, self._schema, self._table)
        return found if is_present(self._connection, plan, found, contract, self._oid) else None

    def contract(self) -> Contract | None:
        """The table's contract, or None if the table does not exist. Locks out other writers."""
        if self._oid is None:
            return None
        table = Identifier(self._schema, self._table)
        self._connection.execute(_SQL["lock"].format(target=table))
        return catalog.read_contract(self._connection, self._oid, self._schema, self._table)

    @property
    def connection(self) -> PgConnection:
        """The connection of the transaction."""
        return self._connection

    @property
    def oid(self) -> int:
        """The table's oid."""
        assert self._oid is not None  # called only after the table exists
        return self._oid

    @property
    def run(self) -> int:
        """The copy's run number in the ledger."""
        return self._run

    @property
    def has_heirs(self) -> bool:
        """Whether tables inherit from the table, other than its partitions."""
        row = self._connection.execute(
            "SELECT EXISTS (SELECT FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhparent "
            "WHERE c.oid = %s AND c.relkind = 'r') AS any",
            [self.oid],
        ).fetchone()
        return row is not None and bool(row["any"])

    def made(self) -> Contract:
        """The contract of a table created in this transaction."""
        self._oid = catalog.locate(self._connection, self._schema, self._table)
        assert self._oid is not None  # created by the caller
        return catalog.read_contract(self._connection, self._oid, self._schema, self._table)

    def create(self, columns: Sequence[Column]) -> Contract:
        """Create the table; its key is created after the rows are loaded."""
        create_table(self._connection, self._schema, self._table, columns)
        self._oid = catalog.locate(self._connection, self._schema, self._table)
        self._new = True
        return Contract(schema=self._schema, table=self._table, columns=tuple(columns))

    def once_copied(self, contract: Contract) -> set[str]:
        """The columns that copies before brought into the table."""
        return once_copied(self._connection, contract, self.oid)

    def alter(self, contract: Contract, changes: Sequence[Change]) -> tuple[str, ...]:
        """Change the table's definition; returns the changes in words."""
        return alter_table(self._connection, contract, self.oid, changes)

    def load(self, load: Load, batches: Iterable[Judged]) -> Loaded:
        """Load the rows and merge them by the plan's mode; rejects go to quarantine."""
        from penstock.postgres.load_batches import (
            Loader,
        )  # imports Arrow, which callers have imported already

        shape = Shape(load.contract, load.columns, load.key, load.as_text)
        statements = Statements(self._connection, shape, run=self._run, files=load.files)
        statements.run("stage")
        loader = Loader(self._connection, shape, run=self._run, files=load.files)
        if self._may_go_straight(load, shape, statements):
            loaded = self._load_straight(load, shape, statements, loader, batches)
        else:
            loader.staged(batches)
            self._judge(statements, load, shape)
            loaded = Settler(statements, load.plan, shape, repeats=loader.repeats).publish()
        if self._new and load.key:
            add_primary_key(self._connection, self._schema, self._table, load.key)
        return loaded

    @staticmethod
    def _may_go_straight(load: Load, shape: Shape, statements: Statements) -> bool:
        if load.staged or not may_go_straight(load.plan, shape):
            return False
        return not (load.key and statements.values("any_row")[0])

    @staticmethod
    def _load_straight(
        load: Load, shape: Shape, statements: Statements, loader: Loader, batches: Iterable[Judged]
    ) -> Loaded:
        # DELETE, not TRUNCATE: concurrent readers continue to see the old rows.
        deleted = statements.run("delete", scope=ALL) if load.plan.mode == "replace" else 0
        with needing_stage():
            count = loader.straight(batches)
            loaded = Settler(statements, load.plan, shape, repeats=loader.repeats).append_rest(count)
            statements.run("check_deferred")
        loaded.deleted = deleted
        return loaded

    def _judge(self, statements: Statements, load: Load, shape: Shape) -> None:
        read_texts(statements, shape)
        statements.run("analyze")
        if load.plan.interval is not None:
            reject_outside(statements, load.plan.interval)
        reject_by_constraints(statements, load.contract, set(shape.names))
        if load.contract.partition_column is not None:
            assert self._oid is not None  # a partitioned table existed before
            make_partitions(self._connection, load.contract, self._oid, load.plan.partition)

    def unread(self) -> dict[str, list[int]]:
        """Lines, by file, of rejected rows whose text the quarantine lacks."""
        return ledger.unread(self._connection, self._run)

    def fill(self, file: str, raws: dict[int, str]) -> None:
        """Store these texts with the rejected rows of those lines."""
        ledger.fill(self._connection, self._run, file, raws)

    def reasons(self) -> dict[str, int]:
        """Number of rejected rows by reason, counted in quarantine."""
        return ledger.reasons(self._connection, self._run)

    def examples(self) -> list[str]:
        """The first few rejects, a line each."""
        return ledger.examples(self._connection, self._run)

    def checked(self, plan: CopyPlan, result: CopyResult, *, enforce: bool = True) -> CopyResult:
        """The account with the results of the plan's checks on the table as it is now.

        Raises:
            CheckFailed: If one failed that does not only warn, and they are enforced.
        """
        if not plan.checks:
            return result
        contract = self.made()
        checks = run_checks(self._connection, contract, self.oid, plan, result)
        if enforce:
            enforce_checks(checks, plan.target)
        return replace(result, checks=checks)

    def record(self, entry: Entry) -> None:
        """Write the account into the ledger."""
        assert self._oid is not None  # the table exists now
        ledger.record(self._connection, entry, run=self._run, oid=self._oid)
        if entry.result.checks:
            record_checks(self._connection, self._run, entry.result.checks)

    def loaded_files(self, plan: CopyPlan) -> set[str]:
        """Files that were copied into the table by the same plan, and whose rows have not been replaced since."""
        if self._oid is None or is_empty(self._connection, self._schema, self._table):
            return set()
        return ledger.loaded_files(self._connection, self._oid, plan)

    def mark_replayed(self, run: int, *, by: str) -> None:
        """Mark an earlier run's rejects as replayed by the copy of this identity."""
        ledger.mark_replayed(self._connection, run, by=by)


@contextmanager
def needing_stage() -> Iterator[None]:
    """Around rows that go straight into the table.

    Raises:
        NeedsStage: If one of them may have made the server fail.
    """
    try:
        yield
    except psycopg.Error as error:
        if is_row_error(error):
            raise NeedsStage from error
        raise


def may_go_straight(plan: CopyPlan, shape: Shape) -> bool:
    """Whether clean rows can be copied directly into an empty table without further checks.

    Without a key this holds for any table.
    """
    contract = shape.contract
    return (
        plan.mode in ("append", "replace")
        and plan.order_by is None
        and not (contract.checks or contract.foreign_keys or contract.partitioned or shape.texts)
        and not contract.hides_rows
        and len(contract.uniques) == len(contract.indexes)
        and all(set(unique) == set(shape.key) for unique in contract.uniques)
    )


def lock_name(connection: PgConnection, schema: str, table: str) -> None:
    """Lock a table's name until the transaction ends, which serializes copies even before the table exists."""
    number = int.from_bytes(hashlib.sha256(f"penstock {schema}.{table}".encode()).digest()[:8], signed=True)
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [number])
