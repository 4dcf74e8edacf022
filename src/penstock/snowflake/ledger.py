"""The ledger of loads and the quarantine, in the database of the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from penstock.model.errors import TargetError
from penstock.model.manifest import Manifest
from penstock.model.outcome import enforce_limits
from penstock.model.plan import CopyPlan
from penstock.model.plurals import counted
from penstock.model.result import CopyResult, KeptReject
from penstock.postgres.queries import queries
from penstock.snowflake.columns import make_schema
from penstock.snowflake.copy_into import Copied

_SQL = {name: text.as_string(None) for name, text in queries(__package__, "ledger.sql").items()}
_AT_ONCE = 1000  # rejects in memory
_SCHEMA = "PENSTOCK_LEDGER"
_TABLES = ("COPIES", "REJECTS", "TURNS")


def prepare(cursor: Any, target: str) -> None:
    """Make the ledger if it is missing, and the row that serializes loads into this target."""
    cursor.execute(_SQL["made"])
    made = {row[0] for row in cursor.fetchall()}
    if missing := [name for name in _TABLES if name not in made]:
        make_schema(cursor, _SCHEMA)
        for name in missing:
            cursor.execute(_SQL[f"create_{name.lower()}"])
    cursor.execute(_SQL["enter"], {"target": target})


def take_turn(cursor: Any, target: str) -> None:
    """Wait until no other load into this target is running."""
    cursor.execute(_SQL["take_turn"], {"target": target})


def earlier(cursor: Any, identity: str, plan: CopyPlan, target: str) -> CopyResult | None:
    """The account of the same load, if its rows have not been replaced since."""
    cursor.execute(_SQL["earlier"], {"target": target})
    for copy, mode, stretch, read, loaded, rejected, deleted, seconds in cursor.fetchall():
        if copy == identity:
            return CopyResult(
                id=identity,
                already=True,
                read=int(read),
                loaded=int(loaded),
                inserted=int(loaded),
                deleted=int(deleted),
                rejected=int(rejected),
                rejects=_reasons(cursor, identity, target),
                seconds=float(seconds),
            )
        later_replaced = mode == "replace" or plan.mode == "replace"
        if later_replaced or (mode == "interval" and stretch == _stretch(plan)):
            return None
    return None


def forget_rejects(cursor: Any, identity: str, target: str) -> None:
    """Remove the rejects of the same earlier load, which is being repeated."""
    cursor.execute(_SQL["forget_rejects"], {"id": identity, "target": target})


def settle(cursor: Any, manifest: Manifest, found: Copied, result: CopyResult, target: str) -> CopyResult:
    """The complete account: every row of the manifest was loaded or rejected.

    Args:
        result: With the rows loaded and deleted.

    Raises:
        TargetError: If rows are missing.
    """
    reasons = _reasons(cursor, result.id, target)
    rejected = sum(reasons.values())
    if found.loaded + rejected != manifest.rows:
        shown = "".join(f"\n  {line}" for line in found.refused[:3])
        raise TargetError(
            f"Snowflake loaded {found.loaded} of {counted(manifest.rows, 'row')}; nothing was changed{shown}",
            hint="check that all of the manifest's files are in the stage",
        )
    whole = replace(result, read=manifest.rows, rejected=rejected, rejects=reasons)
    whole.check()
    return whole


def enforce(cursor: Any, plan: CopyPlan, result: CopyResult, target: str) -> None:
    """Refuse a load with more rejects than the plan allows, and one that would only delete.

    Raises:
        TooManyRejects: With the first of them.
    """
    enforce_limits(plan, result, _examples(cursor, result.id, target))


def _examples(cursor: Any, identity: str, target: str) -> Iterator[str]:
    cursor.execute(_SQL["examples"], {"id": identity, "target": target})
    for row in cursor.fetchall():
        yield " ".join(map(str, row))


def record(cursor: Any, plan: CopyPlan, result: CopyResult, target: str) -> None:
    """Write the account, in the transaction that wrote the rows."""
    fields = {
        "id": result.id,
        "target": target,
        "source": plan.source,
        "mode": plan.mode,
        "stretch": _stretch(plan),
        "plan": plan.to_json(),
        "read": result.read,
        "loaded": result.loaded,
        "rejected": result.rejected,
        "deleted": result.deleted,
        "seconds": result.seconds,
    }
    cursor.execute(_SQL["record"], fields)


def kept_rejects(cursor: Any, identity: str, target: str) -> Iterator[KeptReject]:
    """The rejects of a load, in the order of the files."""
    cursor.execute(_SQL["kept_rejects"], {"id": identity, "target": target})
    while rows := cursor.fetchmany(_AT_ONCE):
        for file, line, raw, reason, column, message in rows:
            yield KeptReject(file, int(line), raw, reason, column, message)


def _reasons(cursor: Any, identity: str, target: str) -> dict[str, int]:
    cursor.execute(_SQL["reasons"], {"id": identity, "target": target})
    return {reason: int(count) for reason, count in cursor.fetchall()}


def _stretch(plan: CopyPlan) -> str | None:
    interval = plan.interval
    return None if interval is None else f"{interval.column} {interval.start} {interval.end}"
