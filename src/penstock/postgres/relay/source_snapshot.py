"""The snapshot of a source, and the watermarks that incremental copies keep of it in the ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass

import xxhash

from penstock.model.plan import CopyPlan
from penstock.postgres.connect import PgConnection
from penstock.postgres.queries import queries

_SQL = queries(__package__, "watermarks.sql")
_WHOLE = 2**32


@dataclass(frozen=True, slots=True)
class Before:
    """The state queried just before the snapshot.

    Args:
        next: The next transaction number.
        ours: Transactions open in this database; None if unknown, as on a standby.
    """

    next: int
    ours: frozenset[int] | None


@dataclass(frozen=True, slots=True)
class Instant:
    """The state of a source's transactions when it was read.

    Args:
        oldest_open: All transactions below this number had ended or belong to other databases.
        next: The next transaction number.
        any_open: Some transactions with a number had not ended.
        system: The system identifier of the cluster, whose numbers these are.
        table: The table's oid.
    """

    oldest_open: int
    next: int
    any_open: bool
    system: str
    table: int


def look_before(connection: PgConnection) -> Before:
    """Query the state before the reading transaction, outside a transaction.

    A snapshot lists the open transactions of all databases of the server, including the target's if it is on the same
    server. For transactions that are open before and during the snapshot, their locks show their database.
    """
    row = connection.execute(_SQL["next"]).fetchone()
    assert row is not None  # a snapshot always returns a row
    if row["standby"]:
        return Before(row["next"], None)
    numbers = [int(found["number"]) for found in connection.execute(_SQL["ours"])]
    return Before(row["next"], frozenset(_unfold(number, row["next"]) for number in numbers))


def take_instant(connection: PgConnection, before: Before, table: int) -> Instant:
    """The snapshot of the reading transaction."""
    row = connection.execute(_SQL["instant"]).fetchone()
    assert row is not None  # a snapshot always returns a row
    unseen = [
        number
        for number in row["open"]
        if before.ours is None or number >= before.next or number in before.ours
    ]
    return Instant(
        oldest_open=min(unseen, default=row["next"]),
        next=row["next"],
        any_open=bool(unseen),
        system=row["system"],
        table=table,
    )


def _unfold(number: int, near: int) -> int:
    """The full number of a transaction from its last 32 bits and a nearby number.

    Example:
        >>> _unfold(5, 2**32 + 7) == 2**32 + 5, _unfold(2**32 - 1, 2**32 + 7) == 2**32 - 1
        (True, True)
    """
    difference = (number - near) % _WHOLE
    return near + (difference if difference < _WHOLE // 2 else difference - _WHOLE)


_MAKING = 0x70656E73  # the lock for creating the ledger's tables


@dataclass(frozen=True, slots=True)
class Watermark:
    """The watermark of the last copy.

    Args:
        value: The greatest cursor, as text; None if no row had one.
        key: The greatest key with this cursor.
        oldest_open: Rows of transactions from this number on may not have been visible.
        any_open: Transactions were open, whose rows may have any cursor.
        complete_open: ``oldest_open`` of the last copy that searched the whole table for rows far behind the cursor.
        held: The target held the row of the greatest cursor; without a cursor, any row.
    """

    value: str | None
    key: tuple[str, ...]
    oldest_open: int
    any_open: bool
    complete_open: int
    held: bool = False


class Watermarks:
    """The watermarks in a target database."""

    def __init__(self, connection: PgConnection, plan: CopyPlan) -> None:
        self._connection = connection
        self._plan = plan
        self._id = _identify(plan)

    def read(self, instant: Instant, target_oid: int) -> Watermark | None:
        """The last watermark, unless source or target have been recreated."""
        if not self._prepared():
            return None
        found = self._connection.execute(
            _SQL["read"],
            {"id": self._id, "target_oid": target_oid, "system": instant.system, "source_oid": instant.table},
        ).fetchone()
        if found is None:
            return None
        return Watermark(**{**found, "key": tuple(found["key"] or ())})

    def _prepared(self) -> bool:
        """Whether the table exists; one of an earlier version gets its new columns."""
        row = self._connection.execute(_SQL["exists"]).fetchone()
        if row is None or not row["there"]:
            return False
        if not row["current"]:
            self._connection.execute(_SQL["extend"])
        return True

    def write(self, mark: Watermark, instant: Instant, *, target_oid: int, run: int) -> None:
        """Write the watermark, in the transaction of the rows."""
        if not self._prepared():
            self._connection.execute("SELECT pg_advisory_xact_lock(%s)", [_MAKING])
            self._connection.execute(_SQL["create"])
        self._connection.execute(
            _SQL["write"],
            {
                "id": self._id,
                "source": self._plan.source,
                "target": self._plan.target,
                "target_oid": target_oid,
                "cursor": self._plan.cursor,
                "value": mark.value,
                "key": list(mark.key),
                "system": instant.system,
                "source_oid": instant.table,
                "oldest_open": mark.oldest_open,
                "any_open": mark.any_open,
                "complete_open": mark.complete_open,
                "held": mark.held,
                "run": run,
            },
        )


def _identify(plan: CopyPlan) -> str:
    """Copies of other rows or columns have separate watermarks."""
    parts = [plan.source, plan.target, plan.cursor, plan.key, plan.where, plan.columns, plan.computed]
    return xxhash.xxh3_128_hexdigest(json.dumps([*parts, plan.pipeline, plan.task]).encode())
