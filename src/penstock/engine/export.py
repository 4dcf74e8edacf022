"""The steps of an export: write a table's rows to files, then publish the files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import xxhash

from penstock.engine.identity import identity_of
from penstock.engine.prefetch import Prefetch, Producer
from penstock.model.errors import AccountMismatch, UsageError
from penstock.model.manifest import ExportedColumn, ExportedFile, Manifest
from penstock.model.plan import CopyPlan
from penstock.model.plurals import counted
from penstock.model.result import CopyResult
from penstock.ports import (
    Entry,
    ExportSession,
    ExportTarget,
    Progress,
    Reading,
    Rows,
    SafeProgress,
    Selection,
    Unrepresentable,
)

_TYPE_KEY = b"penstock:type"
# Blocks that wait while a row group is encoded. Two were faster than one in each of four runs, by 1 to 28 % on a busy
# machine; four were not always faster, and use more memory.
_DEPTH = 2


def export(
    plan: CopyPlan, selection: Selection, target: ExportTarget, *, progress: Progress | None = None
) -> CopyResult:
    """Write a table or query to files, replacing those of the previous export; completely or not at all.

    Args:
        progress: Receives progress updates. If it fails, the export continues without it.

    Returns:
        The account: every row read is loaded; ``deleted`` counts the rows of the previous export.

    Raises:
        UsageError: If the plan has options that apply only to copies into a table.
        PenstockError: If nothing was copied, with the reason and a hint.
    """
    require_export(plan)
    started = time.perf_counter()
    with target.begin() as session:
        _require_own(plan, selection, session)
        written = _write(selection, session, SafeProgress(progress))
        result = _account(plan, written, session, started)
        columns = [_column(field) for field in written.schema]
        manifest = Manifest(
            id=result.id,
            run="",
            source=selection.name,
            format=target.form.name,
            compression=target.form.compression,
            rows=result.loaded,
            fingerprint=written.digest.hexdigest(),
            columns=tuple(columns),
            files=tuple(written.files),
            database=session.database,
            visible_rows_only=plan.visible_rows_only,
        )
        names = [column.name for column in columns]
        session.publish(manifest, Entry(plan=plan, result=result, files=[selection.name], header=names))
        return result


def require_export(plan: CopyPlan) -> None:
    """Check that the plan has no options that an export does not support.

    Raises:
        UsageError: If it has one.
    """
    if plan.cursor is not None:
        raise UsageError(
            "exports do not support --cursor", hint="leave it out, or filter the rows with --query"
        )
    if plan.mode not in ("append", "replace") or plan.key or plan.order_by:
        raise UsageError(
            "exports replace all files: --mode, --key and --order-by do not apply",
            hint="leave them out",
        )


def _require_own(plan: CopyPlan, selection: Selection, session: ExportSession) -> None:
    """Refuse to replace the export of another table, unless the mode is replace."""
    before = session.before
    if before is None or plan.mode == "replace":
        return
    same_database = not before.database or before.database == session.database
    if before.source == selection.name and same_database:
        return
    whose = before.source if same_database else f"{before.source} of another database"
    raise UsageError(
        f"{plan.target} holds an export of {whose} ({counted(before.rows, 'row')}); nothing was changed",
        hint=f"export {selection.name} to another address, or replace it with --mode replace",
    )


@dataclass(slots=True)
class _Written:
    """What one attempt wrote."""

    schema: pa.Schema
    files: Sequence[ExportedFile] = ()
    read: int = 0
    sent: int = 0
    digest: xxhash.xxh3_128 = field(default_factory=xxhash.xxh3_128)

    def watch(self, blocks: Iterator[Rows], progress: SafeProgress) -> Iterator[Rows]:
        """The same blocks, counted and hashed."""
        for rows in blocks:
            self.read += rows.count
            self.digest.update(rows.text)
            progress.advance(rows.count, 0, rows.count)
            yield rows
        progress.finish()


def _write(selection: Selection, session: ExportSession, progress: SafeProgress) -> _Written:
    as_text: frozenset[str] = frozenset()
    while True:
        try:
            with selection.open(as_text) as reading:
                return _attempt(reading, session, progress)
        except Unrepresentable as found:
            # Such as a date at infinity: start again with that column as text. This happens at most once per
            # column.
            as_text |= {found.column}


def _attempt(reading: Reading, session: ExportSession, progress: SafeProgress) -> _Written:
    written = _Written(reading.schema)
    written.digest.update("\n".join(reading.schema.names).encode())
    progress.begin("copying", reading.estimate() if progress.wanted else None)
    with Prefetch(Producer(reading.blocks(), interrupt=reading.cancel), depth=_DEPTH) as blocks:
        written.files = session.write(reading, written.watch(blocks, progress))
    written.sent = reading.count
    return written


def _account(plan: CopyPlan, written: _Written, session: ExportSession, started: float) -> CopyResult:
    loaded = sum(file.rows for file in written.files)
    identity = identity_of(plan, written.digest.hexdigest(), without=("source", "pipeline", "task"))
    result = CopyResult(
        id=identity,
        read=written.sent,
        loaded=loaded,
        inserted=loaded,
        deleted=session.before.rows if session.before is not None else 0,
        seconds=round(time.perf_counter() - started, 3),
        visible_rows_only=plan.visible_rows_only,
    )
    try:
        result.check()
    except AccountMismatch:
        session.discard(written.files)
        raise
    return result


def _column(found: pa.Field) -> ExportedColumn:
    stored = found.type.storage_type if isinstance(found.type, pa.BaseExtensionType) else found.type
    server = (found.metadata or {}).get(_TYPE_KEY, b"").decode()
    return ExportedColumn(name=found.name, type=server, stored=str(stored))
