"""The ledger and the quarantine in the target database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from penstock.model.connection import Connection
from penstock.model.errors import UsageError
from penstock.model.plan import CopyPlan
from penstock.model.result import COUNTS, CopyResult, KeptReject
from penstock.ports import Entry
from penstock.postgres.checks import recorded_checks
from penstock.postgres.connect import PgConnection, connect, refused
from penstock.postgres.create_table import LEDGER, make_schema
from penstock.postgres.queries import queries

_SQL = queries(__package__, "ledger.sql")

# Key of the advisory lock for creating the ledger's tables.
_MAKING = 0x70656E73


def prepare(connection: PgConnection) -> None:
    """Create missing tables of the ledger."""
    if not exists(connection):
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_MAKING])
        make_schema(connection, LEDGER)
        connection.execute(_SQL["create"])


def exists(connection: PgConnection) -> bool:
    """Whether this database has a ledger."""
    row = connection.execute(_SQL["exists"]).fetchone()
    return row is not None and row["there"]


def next_run(connection: PgConnection) -> int:
    """The run number of a new copy."""
    row = connection.execute(_SQL["next_run"]).fetchone()
    assert row is not None  # nextval always returns a row
    return int(row["run"])


def earlier(connection: PgConnection, identity: str, oid: int, plan: CopyPlan) -> CopyResult | None:
    """The account of the same earlier copy, if its rows have not been replaced since."""
    row = connection.execute(_SQL["earlier"], {"id": identity, "oid": oid}).fetchone()
    if row is None:
        return None
    stands = {"replace": row["is_latest"], "interval": row["is_latest_of_interval"]}.get(plan.mode, True)
    return result_of(row, already=True) if stands else None


def loaded_files(connection: PgConnection, oid: int, plan: CopyPlan) -> set[str]:
    """Files that were copied into this table by the same plan, and whose rows have not been replaced since."""
    selection = {
        "oid": oid,
        "where": None if plan.where is None else Jsonb(list(plan.where)),
        "records": plan.answers.records if plan.answers is not None else None,
    }
    return {row["file"] for row in connection.execute(_SQL["loaded_files"], selection)}


def result_of(row: dict[str, Any], *, already: bool = False) -> CopyResult:
    """The account in a row of the ledger."""
    counts = {name: row[name] for name in COUNTS}
    return CopyResult(
        id=row["id"],
        already=already,
        rejects=row["rejects"],
        seconds=row["seconds"],
        visible_rows_only=row["plan"].get("visible_rows_only", False),
        replayed=row.get("replayed", 0),
        changes=tuple(row["plan"].get("changes", ())),
        detected=CopyPlan.from_json(json.dumps(row["plan"])).file.findings,
        **counts,
    )


def record(connection: PgConnection, entry: Entry, *, run: int, oid: int) -> None:
    """Write the account, in the transaction that wrote the rows."""
    result = entry.result
    plan: dict[str, Any] = json.loads(entry.plan.to_json())
    if result.changes:
        # Beside the plan, because ledgers of earlier versions have no column for them.
        plan["changes"] = list(result.changes)
    connection.execute(
        _SQL["record"],
        {
            "run": run,
            "id": result.id,
            "target": entry.plan.target,
            "oid": oid,
            "plan": Jsonb(plan),
            "files": list(entry.files),
            "header": list(entry.header),
            "rejects": Jsonb(dict(result.rejects)),
            "seconds": result.seconds,
            **{name: getattr(result, name) for name in COUNTS},
        },
    )


def keep_rejects(connection: PgConnection, run: int, rejects: Iterable[KeptReject]) -> None:
    """Insert rejects from another system into quarantine."""
    with connection.cursor() as cursor:
        cursor.executemany(_SQL["reject"], ({"run": run, **asdict(reject)} for reject in rejects))


def reasons(connection: PgConnection, run: int) -> dict[str, int]:
    """Number of rejected rows of one copy by reason, counted in quarantine."""
    return {row["reason"]: row["rows"] for row in connection.execute(_SQL["reasons"], {"run": run})}


def examples(connection: PgConnection, run: int) -> list[str]:
    """The first few rejects of one copy, a line each."""
    return [
        f"{row['file']}:{row['line']}: {row['reason']}: {row['message']}"
        for row in connection.execute(_SQL["examples"], {"run": run})
    ]


def unread(connection: PgConnection, run: int) -> dict[str, list[int]]:
    """Lines, by file, of rejects whose text must be read from the source."""
    lines: dict[str, list[int]] = {}
    for row in connection.execute(_SQL["unread"], {"run": run}):
        lines.setdefault(row["file"], []).append(row["line"])
    return lines


def fill(connection: PgConnection, run: int, file: str, raws: dict[int, str]) -> None:
    """Store the text of rejected rows."""
    connection.execute(
        _SQL["fill"],
        {"run": run, "files": [file] * len(raws), "lines": list(raws), "raws": list(raws.values())},
    )


def mark_replayed(connection: PgConnection, run: int, *, by: str) -> None:
    """Mark a run's rejects as replayed."""
    connection.execute(_SQL["replayed"], {"run": run, "by": by})


class Records:
    """The ledger and the quarantine of one database. Rows are dictionaries by column name."""

    def __init__(self, connection: PgConnection) -> None:
        self._connection = connection
        self._kept = exists(connection)

    def copies(self, limit: int) -> list[dict[str, Any]]:
        """The latest copies, newest first."""
        return self._rows("list", limit=limit)

    def find(self, id_prefix: str) -> dict[str, Any]:
        """The latest run of the copy with this id prefix.

        Raises:
            UsageError: If no copy, or more than one, has this id.
        """
        found = self._rows("find", id=id_prefix)
        ids = {row["id"] for row in found}
        if not ids:
            raise UsageError(f"no copy {id_prefix!r} in the ledger", hint="see penstock ledger list")
        if len(ids) > 1:
            raise UsageError(
                f"{len(ids)} copies begin with {id_prefix!r}", hint="give more characters of the id"
            )
        results = recorded_checks(self._connection, found[0]["run"])
        return {**found[0], "checks": results} if results else found[0]

    def outstanding(self) -> list[dict[str, Any]]:
        """Copies with rows in quarantine, one entry per reason."""
        return self._rows("outstanding")

    def rejects(
        self, run: int, *, reason: str | None = None, only_open: bool = False, limit: int | None = None
    ) -> list[dict[str, Any]]:
        """Rejected rows of one run, in the order of the source; ``only_open`` leaves out replayed ones."""
        return self._rows("quarantined", run=run, reason=reason, open=only_open, limit=limit)

    def _rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        return self._connection.execute(_SQL[query], values).fetchall() if self._kept else []


@contextmanager
def open_records(connection: Connection) -> Iterator[Records]:
    """The ledger and quarantine of the connection's database.

    Raises:
        ConnectionFailed: If connecting fails.
        TargetError: If a query fails.
    """
    with connect(connection) as opened:
        try:
            yield Records(opened)
        except psycopg.Error as error:
            raise refused(error, f"reading the ledger of {connection.name}") from None
