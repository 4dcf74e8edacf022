"""The story of one load: an export's files into a Snowflake table, in one transaction, with its account."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import xxhash

from penstock.model.connection import Connection
from penstock.model.errors import TargetError, TooManyRejects, UsageError
from penstock.model.manifest import Manifest
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult
from penstock.queries import queries
from penstock.targets.snowflake.connect import snowflake_connect, translated
from penstock.targets.snowflake.copy_into import Copied, copied, copy_statements
from penstock.targets.snowflake.names import identifier
from penstock.targets.snowflake.types import column_type

_SQL = {name: text.as_string(None) for name, text in queries(__package__, "ledger.sql").items()}
_MODES = ("append", "replace", "interval")


@dataclass(frozen=True, slots=True)
class SnowflakeTable:
    """A table, there already or to be made, and the stage that its rows come by."""

    connection: Connection
    schema: str
    table: str
    stage: str

    @property
    def name(self) -> str:
        """Quoted."""
        return identifier(self.schema, self.table)

    @property
    def address(self) -> str:
        """As people write it."""
        return f"{self.connection.name}:{self.schema}.{self.table}"


def load(
    plan: CopyPlan, manifest: Manifest, path: str, target: SnowflakeTable, *, again: bool = False
) -> CopyResult:
    """Load an export: all of it with its account, or nothing.

    Args:
        path: Of the export below the bucket, ending in ``/`` unless it is empty.
        again: Even if the ledger says that the same load was done before, and what it left still stands.

    Raises:
        UsageError: If the plan asks for what a load cannot do.
        PenstockError: If nothing was done, with the reason and the remedy.
    """
    _require_load(plan)
    started = time.perf_counter()
    identity = xxhash.xxh3_128_hexdigest(f"{plan.to_json()}\n{manifest.fingerprint}".encode())
    with closing(snowflake_connect(target.connection)) as session:
        cursor = session.cursor()
        with translated(f"copying into {target.address}"):
            _prepare(cursor, manifest, target)
            place = _place(cursor, target, path)
            with _transaction(cursor):
                cursor.execute(_SQL["take_turn"], {"target": target.address})
                if not again and (earlier := _earlier(cursor, identity, plan, target)) is not None:
                    return earlier
                deleted = _clear(cursor, plan, target)
                found = _copy(cursor, plan, manifest, target.name, place)
                result = _account(identity, manifest, found, deleted, started)
                _enforce(plan, result, found)
                _record(cursor, plan, result, target)
                return result


def _require_load(plan: CopyPlan) -> None:
    if plan.mode not in _MODES or plan.key or plan.order_by or plan.where:
        raise UsageError(
            f"into Snowflake there is no mode {plan.mode}, key, order or filter",
            hint=f"one of {', '.join(_MODES)}; then a MERGE of your own",
        )


def _prepare(cursor: Any, manifest: Manifest, target: SnowflakeTable) -> None:
    """Make what is missing. Each of these commits by itself."""
    for name in ("create_schema", "create_copies", "create_turns"):
        cursor.execute(_SQL[name])
    cursor.execute(_SQL["enter"], {"target": target.address})
    columns = ", ".join(f"{identifier(column.name)} {column_type(column)}" for column in manifest.columns)
    cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(target.schema)}")
    cursor.execute(f"CREATE TABLE IF NOT EXISTS {target.name} ({columns})")


def _place(cursor: Any, target: SnowflakeTable, path: str) -> str:
    """The stage and the path in it. The stage covers the bucket, or a part of it that the path begins with."""
    *schema, name = target.stage.split(".")
    where = identifier(*(schema or [target.schema]))
    cursor.execute(f"SHOW STAGES LIKE '{name.upper()}' IN SCHEMA {where}")
    names = [column.name.lower() for column in cursor.description]
    listed = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    # LIKE takes an underscore for any letter.
    found = [stage for stage in listed if str(stage["name"]).upper() == name.upper()]
    if not found:
        raise UsageError(
            f"there is no stage {target.stage}",
            hint=f"CREATE STAGE {target.stage} URL = 's3://bucket/' STORAGE_INTEGRATION = …",
        )
    url = str(found[0].get("url") or "")
    inside = url.partition("://")[2].partition("/")[2].strip("/") if url.startswith("s3") else ""
    if inside and not path.startswith(f"{inside}/"):
        raise UsageError(f"the stage {target.stage} covers {url}, not {path}", hint="name another stage")
    below = path[len(inside) + 1 :] if inside else path
    return f"{where}.{identifier(name)}/{below}"


@contextmanager
def _transaction(cursor: Any) -> Iterator[None]:
    cursor.execute("BEGIN")
    try:
        yield
    except BaseException:
        cursor.execute("ROLLBACK")
        raise
    cursor.execute("COMMIT")


def _earlier(cursor: Any, identity: str, plan: CopyPlan, target: SnowflakeTable) -> CopyResult | None:
    """The account of the same load, if nothing later replaced what it left."""
    cursor.execute(_SQL["earlier"], {"target": target.address})
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
                rejects={"bad_type": int(rejected)} if rejected else {},
                seconds=float(seconds),
            )
        later_replaced = mode == "replace" or plan.mode == "replace"
        if later_replaced or (mode == "interval" and stretch == _stretch(plan)):
            return None
    return None


def _clear(cursor: Any, plan: CopyPlan, target: SnowflakeTable) -> int:
    """Remove the rows that this load replaces."""
    if plan.mode == "append":
        return 0
    if plan.interval is None:
        cursor.execute(f"DELETE FROM {target.name}")
    else:
        column = identifier(plan.interval.column)
        cursor.execute(
            f"DELETE FROM {target.name} WHERE {column} >= %s AND {column} < %s",
            (plan.interval.start, plan.interval.end),
        )
    return int(cursor.rowcount or 0)


def _copy(cursor: Any, plan: CopyPlan, manifest: Manifest, table: str, place: str) -> Copied:
    whole = Copied()
    skip_bad = plan.max_rejects is not None
    for statement in copy_statements(table, place, manifest, skip_bad=skip_bad):
        cursor.execute(statement)
        found = copied(cursor.fetchall(), [column.name for column in cursor.description])
        whole.loaded += found.loaded
        whole.rejected += found.rejected
        whole.refused += found.refused
        if found.rejected:
            whole.refused += _validated(cursor, table)
    return whole


def _validated(cursor: Any, table: str) -> list[str]:
    """What Snowflake has against the rows that the last statement left out."""
    cursor.execute(f"SELECT * FROM TABLE(VALIDATE({table}, JOB_ID => '_last'))")
    names = [column.name.lower() for column in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [f"{row.get('file')}:{row.get('line')}: {row.get('error')}" for row in rows]


def _account(identity: str, manifest: Manifest, found: Copied, deleted: int, started: float) -> CopyResult:
    if found.loaded + found.rejected != manifest.rows:
        shown = "".join(f"\n  {line}" for line in found.refused[:3])
        raise TargetError(
            f"Snowflake loaded {found.loaded} of {manifest.rows} rows; nothing was changed{shown}",
            hint="are all of the manifest's files in the stage?",
        )
    result = CopyResult(
        id=identity,
        read=manifest.rows,
        loaded=found.loaded,
        inserted=found.loaded,
        deleted=deleted,
        rejected=found.rejected,
        rejects={"bad_type": found.rejected} if found.rejected else {},
        seconds=round(time.perf_counter() - started, 3),
    )
    result.check()
    return result


def _enforce(plan: CopyPlan, result: CopyResult, found: Copied) -> None:
    limit = plan.max_rejects
    if limit is not None and limit.exceeded(rejected=result.rejected, read=result.read):
        shown = "".join(f"\n  {line}" for line in found.refused[:3])
        raise TooManyRejects(
            f"{result.rejected} of {result.read} rows rejected, {limit} allowed; nothing was loaded{shown}",
            hint="mend the source, or allow more with --max-rejects",
        )


def _record(cursor: Any, plan: CopyPlan, result: CopyResult, target: SnowflakeTable) -> None:
    fields = {
        "id": result.id,
        "target": target.address,
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


def _stretch(plan: CopyPlan) -> str | None:
    interval = plan.interval
    return None if interval is None else f"{interval.column} {interval.start} {interval.end}"
