"""The steps of a load: an export's files into a Snowflake table, in one transaction with the account."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from penstock.engine.identity import identity_of
from penstock.model.columns import require
from penstock.model.connection import Connection
from penstock.model.errors import UsageError
from penstock.model.manifest import Manifest
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult, KeptReject
from penstock.snowflake import ledger
from penstock.snowflake.columns import (
    TableColumn,
    column_type,
    described,
    identifier,
    literal,
    make_schema,
    matching,
    quoted,
)
from penstock.snowflake.connect import snowflake_connect, translated
from penstock.snowflake.copy_into import Copied, copied, copy_statements, stage_path
from penstock.snowflake.validation_table import LIST_SIEVES, Sieve, drop_left

_MODES = ("append", "replace", "interval")


@dataclass(frozen=True, slots=True)
class SnowflakeTable:
    """A table, which may be missing, and the stage to load from."""

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
        """The address as users write it."""
        return f"{self.connection.name}:{self.schema}.{self.table}"


def load(
    plan: CopyPlan, manifest: Manifest, path: str, target: SnowflakeTable, *, again: bool = False
) -> CopyResult:
    """Load an export completely with its account, or not at all.

    Args:
        path: Path of the export in the bucket, ending with ``/`` unless it is empty.
        again: Load even if the ledger holds the same load and its rows are still there.

    Raises:
        UsageError: If the plan has options that loads do not support.
        PenstockError: If nothing was loaded, with the reason and a hint.
    """
    _require_load(plan)
    started = time.perf_counter()
    identity = identity_of(plan, manifest.fingerprint, without=("max_rejects",))
    with closing(snowflake_connect(target.connection)) as session:
        cursor = session.cursor()
        with translated(f"copying into {target.address}"):
            columns = _prepare(cursor, manifest, target)
            place = _place(cursor, target, path)
            sieve = Sieve(identity, manifest, columns)
            sifted = plan.max_rejects is not None and bool(sieve.tests())
            with _made(cursor, sieve if sifted else None), _transaction(cursor):
                ledger.take_turn(cursor, target.address)
                if not again and (done := ledger.earlier(cursor, identity, plan, target.address)) is not None:
                    return done
                ledger.forget_rejects(cursor, identity, target.address)
                deleted = _clear(cursor, plan, target, columns)
                if sifted:
                    found = _sift(cursor, plan, sieve, place, target)
                else:
                    found = _copy(cursor, manifest, target.name, place, columns)
                seconds = round(time.perf_counter() - started, 3)
                result = CopyResult(
                    id=identity, loaded=found.loaded, inserted=found.loaded, deleted=deleted, seconds=seconds
                )
                result = ledger.settle(cursor, manifest, found, result, target.address)
                ledger.enforce(cursor, plan, result, target.address)
                ledger.record(cursor, plan, result, target.address)
                return result


def rejects_of(target: SnowflakeTable, identity: str) -> Iterator[KeptReject]:
    """The rejects of the load of this identity, queried lazily.

    Raises:
        PenstockError: If they cannot be read.
    """
    doing = f"reading the rejects of {target.address}"
    with closing(snowflake_connect(target.connection)) as session, translated(doing):
        yield from ledger.kept_rejects(session.cursor(), identity, target.address)


def _require_load(plan: CopyPlan) -> None:
    if plan.mode not in _MODES or plan.key or plan.order_by or plan.where:
        raise UsageError(
            f"loads into Snowflake do not support mode {plan.mode}, keys, order or filters",
            hint=f"one of {', '.join(_MODES)}; then run a MERGE yourself",
        )
    if plan.visible_rows_only:
        raise UsageError(
            "--visible-rows-only does not apply to Snowflake",
            hint="use it for the export",
        )


def _prepare(cursor: Any, manifest: Manifest, target: SnowflakeTable) -> list[TableColumn]:
    """Make what is missing, in separate transactions; returns the table's columns."""
    ledger.prepare(cursor, target.address)
    if (columns := described(cursor, target.name)) is None:
        made = ", ".join(f"{identifier(column.name)} {column_type(column)}" for column in manifest.columns)
        make_schema(cursor, target.schema)
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {target.name} ({made})")
        columns = described(cursor, target.name) or {}
    return matching(columns, target.address, manifest)


@contextmanager
def _made(cursor: Any, sieve: Sieve | None) -> Iterator[None]:
    """Prepare the load outside the transaction, which its statements would end."""
    if sieve is None:
        yield
        return
    cursor.execute(LIST_SIEVES)
    names = [column.name.lower() for column in cursor.description]
    for statement in drop_left(
        (dict(zip(names, row, strict=True)) for row in cursor.fetchall()), datetime.now(UTC)
    ):
        cursor.execute(statement)
    cursor.execute(sieve.create())
    try:
        yield
    finally:
        cursor.execute(sieve.drop())


def _place(cursor: Any, target: SnowflakeTable, path: str) -> str:
    """The stage and the path in it as written in SQL. The stage's URL must be the bucket or a prefix of the path."""
    *schema, name = target.stage.split(".")
    where = identifier(*(schema or [target.schema]))
    cursor.execute(f"SHOW STAGES LIKE {literal(name.upper())} IN SCHEMA {where}")
    names = [column.name.lower() for column in cursor.description]
    listed = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    # In LIKE, an underscore matches any character.
    found = [stage for stage in listed if str(stage["name"]).upper() == name.upper()]
    if not found:
        raise UsageError(
            f"no stage {target.stage}",
            hint=f"CREATE STAGE {target.stage} URL = 's3://bucket/' STORAGE_INTEGRATION = ...",
        )
    url = str(found[0].get("url") or "")
    inside = url.partition("://")[2].partition("/")[2].strip("/") if url.startswith("s3") else ""
    if inside and not path.startswith(f"{inside}/"):
        raise UsageError(f"the stage {target.stage} covers {url}, not {path}", hint="use another stage")
    below = path[len(inside) + 1 :] if inside else path
    return stage_path(f"{where}.{identifier(name)}", below)


@contextmanager
def _transaction(cursor: Any) -> Iterator[None]:
    cursor.execute("BEGIN")
    try:
        yield
    except BaseException:
        cursor.execute("ROLLBACK")
        raise
    cursor.execute("COMMIT")


def _clear(cursor: Any, plan: CopyPlan, target: SnowflakeTable, columns: Sequence[TableColumn]) -> int:
    """Remove the rows that this load replaces."""
    if plan.mode == "append":
        return 0
    if plan.interval is None:
        cursor.execute(f"DELETE FROM {target.name}")
    else:
        names = [column.name for column in columns]
        column = quoted(require(plan.interval.column, names, "interval column", target.address))
        cursor.execute(
            f"DELETE FROM {target.name} WHERE {column} >= %s AND {column} < %s",
            (plan.interval.start, plan.interval.end),
        )
    return int(cursor.rowcount or 0)


def _copy(
    cursor: Any, manifest: Manifest, table: str, place: str, columns: Sequence[TableColumn] = ()
) -> Copied:
    whole = Copied()
    for statement in copy_statements(table, place, manifest, columns):
        cursor.execute(statement)
        found = copied(cursor.fetchall(), [column.name for column in cursor.description])
        whole.loaded += found.loaded
        whole.refused += found.refused
    return whole


def _sift(cursor: Any, plan: CopyPlan, sieve: Sieve, place: str, target: SnowflakeTable) -> Copied:
    """Load file by file, so that rejects name their file."""
    whole = Copied()
    for file in sieve.manifest.files:
        found = _copy(cursor, replace(sieve.manifest, files=(file,)), sieve.name, place)
        name = f"{plan.source.rstrip('/')}/{file.name}"
        cursor.execute(sieve.reject(target.address, name))
        cursor.execute(sieve.pass_on(target.name))
        whole.loaded += int(cursor.rowcount or 0)
        whole.refused += found.refused
        cursor.execute(sieve.empty())
    return whole
