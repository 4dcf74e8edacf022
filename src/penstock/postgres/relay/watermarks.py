"""Watermarks of incremental copies, in the target's ledger, written with the rows."""

from __future__ import annotations

import json
from dataclasses import dataclass

import xxhash

from penstock.model.plan import CopyPlan
from penstock.postgres.connect import PgConnection
from penstock.postgres.queries import queries
from penstock.postgres.relay.source_snapshot import Instant

_SQL = queries(__package__, "watermarks.sql")
_MAKING = 0x70656E73  # the lock for creating the ledger's tables


@dataclass(frozen=True, slots=True)
class Watermark:
    """The watermark of the last copy.

    Args:
        value: The greatest cursor, as text; None if no row had one.
        key: The greatest key with this cursor.
        oldest_open: Rows of transactions from this number on may not have been visible.
        any_open: Transactions were open, whose rows may have any cursor.
    """

    value: str | None
    key: tuple[str, ...]
    oldest_open: int
    any_open: bool


class Watermarks:
    """The watermarks in a target database."""

    def __init__(self, connection: PgConnection, plan: CopyPlan) -> None:
        self._connection = connection
        self._plan = plan
        self._id = _identify(plan)

    def read(self, instant: Instant, target_oid: int) -> Watermark | None:
        """The last watermark, unless source or target have been recreated."""
        row = self._connection.execute(_SQL["exists"]).fetchone()
        if row is None or not row["there"]:
            return None
        found = self._connection.execute(
            _SQL["read"],
            {"id": self._id, "target_oid": target_oid, "system": instant.system, "source_oid": instant.table},
        ).fetchone()
        if found is None:
            return None
        return Watermark(found["value"], tuple(found["key"] or ()), found["oldest_open"], found["any_open"])

    def write(self, mark: Watermark, instant: Instant, *, target_oid: int, run: int) -> None:
        """Write the watermark, in the transaction of the rows."""
        row = self._connection.execute(_SQL["exists"]).fetchone()
        if row is None or not row["there"]:
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
                "run": run,
            },
        )


def _identify(plan: CopyPlan) -> str:
    """Copies of other rows or columns have separate watermarks."""
    parts = [plan.source, plan.target, plan.cursor, plan.key, plan.where, plan.columns, plan.computed]
    return xxhash.xxh3_128_hexdigest(json.dumps([*parts, plan.pipeline, plan.task]).encode())
