"""Exports rejected rows to a file, and replays them."""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np

from penstock.engine.replay_source import Replay, WithBytes, replay_plan
from penstock.files.decoding import unescape
from penstock.files.dialects import dialect_of
from penstock.files.record_splitter import Dialect
from penstock.files.source import open_files
from penstock.lookup.connections import find
from penstock.lookup.stores import open_lake
from penstock.model.address import Lake, Table, parse, parse_table
from penstock.model.api import Answers
from penstock.model.errors import NothingDone, PenstockError, UsageError
from penstock.model.file_options import FileOptions, Format
from penstock.model.outcome import NothingLoaded, rejects_command
from penstock.model.plan import CopyPlan
from penstock.model.plurals import counted
from penstock.model.result import CopyResult, Reason
from penstock.ports import Lines, Progress, Source
from penstock.postgres.export_ledger import NO_TABLE
from penstock.postgres.ledger import Records, open_records
from penstock.routes import dispatch
from penstock.routes.load import load
from penstock.routes.request import CopyRequest


def records(connection: str) -> AbstractContextManager[Records]:
    """The ledger and quarantine of a connection's database, as a context manager.

    Raises:
        ConnectionFailed: If the connection does not exist, or connecting fails.

    Example:
        >>> with records("warehouse") as kept:
        ...     [copy["target"] for copy in kept.copies(limit=100)][-1]
        'warehouse:product'
    """
    return open_records(find(connection))


def export(connection: str, id_prefix: str, path: Path, *, reason: str | None = None) -> int:
    """Write a copy's open rejects to a file in the source's format, with its header; returns their number.

    Raises:
        UsageError: If the copy does not exist.
        NothingDone: If it has no open rejects.
    """
    with records(connection) as kept:
        entry, rows = _open_rejects(kept, id_prefix, reason)
    plan = _plan_of(entry)
    if _is_landed(plan):
        from penstock.rest.lake.rejected_records import as_lines

        path.write_bytes(as_lines([str(row["raw"]) for row in rows]))
        return len(rows)
    if _is_csv(plan, entry):
        lines = [_raw(row | {"raw": _in_first_order(row, plan, entry)}) for row in rows]
    else:
        lines = [_one_line(row) for row in rows]
    path.write_bytes(_head(plan, entry) + b"".join(line + b"\n" for line in lines))
    return len(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRejects:
    """A copy's rows that are still in quarantine, as the source of another copy.

    Args:
        entry: The copy's entry in the ledger.
        rows: The rows in quarantine.
        corrected: A file made by :func:`export` and corrected, to use instead of the original texts.
        answers: From the lake: how records are read from answers now.
    """

    kind: ClassVar = "rejects"
    entry: Mapping[str, Any]
    rows: Sequence[dict[str, Any]]
    corrected: Path | None = None
    answers: Answers | None = None


def replay(
    connection: str,
    id_prefix: str,
    *,
    corrected: Path | None = None,
    answers: Answers | None = None,
    progress: Progress | None = None,
) -> CopyResult:
    """Copy a copy's open rejects again into the same table, with the same plan.

    Rows that are rejected again become rejects of the new copy, so that each rejected row is open only once.

    Args:
        corrected: A file made by :func:`export` and corrected; it must have as many rows as there are open rejects.
        answers: From the lake: how records are read from answers, instead of the plan's own rules.

    Raises:
        UsageError: If the copy does not exist, or rows are missing from the corrected file.
        NothingDone: If it has no open rejects.
        NothingLoaded: If every row was rejected again.
    """
    with records(connection) as kept:
        entry, rows = _open_rejects(kept, id_prefix, None)
    if _is_elsewhere(entry):
        raise UsageError(
            f"rows cannot be replayed into {entry['target']}",
            hint="fix them in the source, export again and load the export",
        )
    plan = replay_plan(_plan_of(entry))
    _require_own_target(plan, entry, connection)
    source = OpenRejects(entry=entry, rows=rows, corrected=corrected, answers=answers)
    result = dispatch(
        CopyRequest(plan=plan, source=source, target=parse_table(plan.target), progress=progress)
    )
    if result.all_rejected:
        raise NothingLoaded(
            f"every row was rejected again ({result.rejected:,} of {result.read:,})",
            hint=f"{rejects_command(result, connection)} shows why; change the table, or correct the rows: "
            f"penstock rejects export {result.id[:12]} FILE",
            result=result,
        )
    return result


def load_rejects(request: CopyRequest) -> CopyResult:
    """Load rows from quarantine, and mark them as replayed in the transaction that loads them."""
    rejects = cast("OpenRejects", request.source)
    plan = request.plan
    with _source(rejects, plan) as source:
        now = replace(plan, answers=rejects.answers or plan.answers) if _is_landed(plan) else plan
        if now.on_change != "fail":
            now = replace(now, on_change="add")  # the rejects have the columns of their time
        return load(replace(request, plan=now), source, replayed=rejects.entry["run"])


def _open_rejects(
    kept: Records, id_prefix: str, reason: str | None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    entry = kept.find(id_prefix)
    rows = kept.rejects(entry["run"], reason=reason, only_open=True)
    if not rows:
        raise NothingDone(f"copy {entry['id'][:12]} has no open rejects", hint="see penstock rejects list")
    return entry, rows


def _plan_of(entry: Mapping[str, Any]) -> CopyPlan:
    """The plan of a ledger's entry; who may write to the ledger may have written something else."""
    try:
        return CopyPlan.from_json(json.dumps(entry["plan"]))
    except (PenstockError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PenstockError(
            f"the ledger's entry of copy {entry['id'][:12]} holds no valid plan: {error}",
            hint="load the source again",
        ) from None


def _require_own_target(plan: CopyPlan, entry: Mapping[str, Any], connection: str) -> None:
    """Refuse to replay into another database than that of the ledger, which an entry could name."""
    target = parse_table(plan.target).connection
    if target == connection:
        return
    theirs, ours = find(target), find(connection)
    if (theirs.host, theirs.port, theirs.database) != (ours.host, ours.port, ours.database):
        raise UsageError(
            f"copy {entry['id'][:12]} is in the ledger of {connection}, but its target is in another database: "
            f"{plan.target}",
            hint=f"replay it from the ledger of its target: penstock rejects replay {entry['id'][:12]} -c {target}",
        )


@contextmanager
def _source(rejects: OpenRejects, plan: CopyPlan) -> Iterator[Source]:
    """The source of a copy's rejects or their corrections."""
    if _is_landed(plan):
        yield _landed_rows(plan, rejects.answers, rejects.rows, rejects.corrected)
    elif rejects.corrected is not None:
        source = open_files(str(rejects.corrected), _exported(plan, rejects.entry), detect=False)
        _refuse_fewer(source, len(rejects.rows), rejects.corrected)
        yield _with_bytes(source, plan)
    else:
        with _replayed(plan, rejects.entry, rejects.rows) as source:
            yield source


def _is_landed(plan: CopyPlan) -> bool:
    return isinstance(parse(plan.source), Lake)


def _landed_rows(
    plan: CopyPlan, answers: Answers | None, rows: Sequence[dict[str, Any]], corrected: Path | None
) -> Source:
    """The rows as a source, one per line, with texts from a corrected file if given."""
    from penstock.rest.lake.rejected_records import KeptRow, KeptSource
    from penstock.rest.lake.source import LakeSource

    texts = [str(row["raw"]) for row in rows]
    if corrected is not None:
        texts = [line for line in corrected.read_text(encoding="utf-8").split("\n") if line.strip()]
        _refuse_other_count(len(texts), len(rows), corrected)
    unread = (Reason.MALFORMED, Reason.BAD_ENCODING)
    kept = [
        KeptRow(str(row["file"]), row["line"], text, whole=row["reason"] in unread and row["column"] is None)
        for row, text in zip(rows, texts, strict=True)
    ]
    before = plan.answers or Answers()
    return KeptSource(kept, answers or before, LakeSource(open_lake(), [], before))


def _is_elsewhere(entry: Mapping[str, Any]) -> bool:
    """Whether the copy's target is a Snowflake table."""
    return bool(entry["target_oid"] == NO_TABLE)


def _refuse_fewer(source: Source, expected: int, corrected: Path) -> None:
    held = sum(batch.rows.num_rows + len(batch.rejects) for batch in source.batches())
    _refuse_other_count(held, expected, corrected)


def _refuse_other_count(held: int, expected: int, corrected: Path) -> None:
    if held != expected:
        raise UsageError(
            f"{corrected} holds {counted(held, 'row')}, but {expected:,} are in quarantine",
            hint="correct every exported row; delete unwanted rows after loading",
        )


@contextmanager
def _replayed(plan: CopyPlan, entry: Mapping[str, Any], rows: Sequence[dict[str, Any]]) -> Iterator[Source]:
    names: list[str] = []
    places: list[tuple[Lines, Lines]] = []
    is_csv, orders = _is_csv(plan, entry), dict(plan.file.orders)
    with tempfile.TemporaryDirectory(prefix="penstock-replay-") as directory:
        for name, group in groupby(rows, key=lambda row: str(row["file"])):
            texts = [(row["line"], _raw(row) if is_csv else _one_line(row)) for row in group]
            head = _head(plan, entry, orders.get(name))
            names.append(name)
            places.append(_places(head, texts))
            path = Path(directory, f"{len(names):06}")
            path.write_bytes(head + b"".join(raw + b"\n" for _, raw in texts))
        inner = open_files(f"{directory}/*", _exported(plan, entry), detect=False)
        yield Replay(_with_bytes(inner, plan), names, places, entry["header"] if orders else None)


def _with_bytes(source: Source, plan: CopyPlan) -> Source:
    """The source, with bytes where the Parquet file had some."""
    return WithBytes(source, dict(plan.file.binary)) if plan.file.binary else source


def _exported(plan: CopyPlan, entry: Mapping[str, Any]) -> FileOptions:
    """How exported rows are read: CSV or JSON Lines, in UTF-8."""
    form: Format = "csv" if _is_csv(plan, entry) else "jsonl"
    delimiter = _dialect(plan, entry).delimiter
    return replace(
        plan.file, format=form, encoding="utf-8", delimiter=delimiter, skip_rows=0, comment=None, footer=0
    )


def _one_line(row: dict[str, Any]) -> bytes:
    """A JSON object on one line: line ends in it are never inside a string."""
    return _raw(row).replace(b"\r", b" ").replace(b"\n", b" ")


def _places(head: bytes, texts: Sequence[tuple[int, bytes]]) -> tuple[Lines, Lines]:
    heights = [raw.count(b"\n") + 1 for _, raw in texts]
    first = head.count(b"\n") + 1
    inner = first + np.concatenate([[0], np.cumsum(heights[:-1], dtype=np.int64)]).astype(np.int64)
    return inner, np.array([line for line, _ in texts], dtype=np.int64)


def _in_first_order(row: dict[str, Any], plan: CopyPlan, entry: Mapping[str, Any]) -> str:
    """The text of a row, with its fields in the order of the first file's columns."""
    raw, order = str(row["raw"]), dict(plan.file.orders).get(str(row["file"]))
    if order is None:
        return raw
    dialect = _dialect(plan, entry)
    fields = _fields(raw, dialect)
    if plan.file.short_rows == "null":
        fields += [""] * (len(order) - len(fields))
    if len(fields) != len(order):
        return raw
    return dialect.delimiter.join(fields[order.index(name)] for name in entry["header"])


def _fields(raw: str, dialect: Dialect) -> list[str]:
    """The fields of a record as they are written, with their quotes."""
    delimiter = re.escape(dialect.delimiter)
    quoted = "" if dialect.quote is None else "(?:{0}(?:[^{0}]|{0}{0})*{0})?".format(re.escape(dialect.quote))
    field = re.compile(rf"{quoted}[^{delimiter}]*")
    fields, at = [], 0
    while (found := field.match(raw, at)) is not None:
        fields.append(found[0])
        at = found.end() + 1
        if at > len(raw):
            break
    return fields


def _head(plan: CopyPlan, entry: Mapping[str, Any], columns: Sequence[str] | None = None) -> bytes:
    """The header line.

    Args:
        columns: The file's own columns, where they are not those of the first.
    """
    if not _is_csv(plan, entry) or plan.file.header is not None:
        return b""
    line = io.StringIO()
    dialect = _dialect(plan, entry)
    if dialect.quote is None:
        writer = csv.writer(line, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE, lineterminator="\n")
    else:
        writer = csv.writer(line, delimiter=dialect.delimiter, quotechar=dialect.quote, lineterminator="\n")
    writer.writerow(entry["header"] if columns is None else columns)
    return line.getvalue().encode()


def _is_csv(plan: CopyPlan, entry: Mapping[str, Any]) -> bool:
    if plan.query is not None or isinstance(parse(plan.source), Table) or _is_elsewhere(entry):
        return False  # rows of tables are stored as JSON
    if plan.file.format != "auto":
        return plan.file.format == "csv"
    return not any(
        part in (".parquet", ".pq", ".jsonl", ".ndjson") for part in Path(entry["files"][0]).suffixes
    )


def _dialect(plan: CopyPlan, entry: Mapping[str, Any]) -> Dialect:
    """How the copy read its files."""
    return dialect_of(plan.file, str(entry["files"][0]))


def _raw(row: dict[str, Any]) -> bytes:
    raw = str(row["raw"])
    # Invalid bytes of a record that could not be read were escaped in its text; turned back, they are checked again.
    escaped = row["reason"] == Reason.BAD_ENCODING and row["column"] is None
    return unescape(raw) if escaped else raw.encode()
