"""Finds what a copy would do: reads the source, and copies in a transaction that is rolled back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from penstock import lookup
from penstock.engine.preview import Contents, inspect
from penstock.engine.rehearsal import Rehearsal, rehearse
from penstock.files.dialects import dialect_of, written
from penstock.files.format_detection import format_of
from penstock.model import address as model
from penstock.model.address import Table
from penstock.model.checks import enforce_checks
from penstock.model.columns import require
from penstock.model.contract import Column, snake_case
from penstock.model.errors import PenstockError, UsageError
from penstock.model.file_options import FileOptions
from penstock.model.outcome import enforce_limits, require_loaded
from penstock.model.plan import CopyPlan
from penstock.model.preview import InferredColumn, Preview
from penstock.ports import Batch, Progress, Recognised, SafeProgress, Source
from penstock.postgres.create_table import definition
from penstock.routes.load import opened, target_of, with_findings
from penstock.routes.request import CopyRequest

SAMPLE = 5
_POSTGRES = (None, "postgres")
_DEFAULTS = FileOptions()
_SAID = ("comment", "footer", "short_rows", "decimal_comma", "date_order")


def preview(
    plan: CopyPlan, *, rows: int = SAMPLE, again: bool = False, progress: Progress | None = None
) -> Preview:
    """Find what a copy would do, and change nothing.

    With a target, the copy runs in its transaction, with the locks of a copy, and is rolled back.

    Args:
        plan: The copy; its target may be empty, and then only the source is read.
        rows: Number of rows of the sample.
        again: Assume that the copy is run with ``--again``.

    Raises:
        PenstockError: If the source cannot be read. What else would make the copy fail is in the preview.
    """
    request = CopyRequest(
        plan=plan, source=model.parse(plan.source), target=_target(plan), again=again, progress=progress
    )
    request, source = opened(request)
    rehearsal: Rehearsal | None = None
    error: PenstockError | None = None
    try:
        if plan.target:
            rehearsal = rehearse(
                with_findings(request.plan, source),
                source,
                target_of(request),
                again=again,
                progress=progress,
            )
            _judge(plan, rehearsal)
        elif isinstance(source, Recognised):
            source.require_header()
    except PenstockError as problem:
        error = problem
    options = with_findings(request.plan, source).file
    contents = _inspected(source, options, rows, progress)
    return _made(plan, source, options, contents, rehearsal, error)


def _target(plan: CopyPlan) -> Any:
    if not plan.target:
        return None
    target = model.parse(plan.target)
    if not isinstance(target, Table) or lookup.type_of(target.connection) not in _POSTGRES:
        raise UsageError(
            f"cannot preview a copy into {plan.target!r}",
            hint="preview a copy into a table: connection:schema.table",
        )
    return target


def _judge(plan: CopyPlan, rehearsal: Rehearsal) -> None:
    if not rehearsal.result.already:
        enforce_limits(plan, rehearsal.result, rehearsal.examples)
    require_loaded(plan, rehearsal.result)
    enforce_checks(rehearsal.result.checks, plan.target)


def _inspected(source: Source, options: FileOptions, rows: int, progress: Progress | None) -> Contents:
    safe = SafeProgress(progress)
    safe.begin("inferring types", source.size, "bytes")
    done = 0

    def seen(batch: Batch) -> None:
        nonlocal done
        safe.advance(len(batch.rows) + len(batch.rejects), len(batch.rejects), batch.position - done)
        done = batch.position

    found = inspect(source, options, rows, seen)
    safe.finish()
    return found


def _made(  # what a preview is put together from
    plan: CopyPlan,
    source: Source,
    options: FileOptions,
    contents: Contents,
    rehearsal: Rehearsal | None,
    error: PenstockError | None,
) -> Preview:
    columns = [
        InferredColumn(source=name, name=column.name, type=column.type, decision=contents.decisions.get(at))
        for at, (name, column) in enumerate(zip(source.columns, contents.columns, strict=True))
    ]
    result = None if rehearsal is None else rehearsal.result
    return Preview(
        source=plan.source,
        target=plan.target,
        reading=_reading(source, options),
        detected=[*options.detected],
        columns=columns,
        sample=contents.sample,
        rows=contents.rows,
        rejects=contents.rejects if result is None else result.rejects,
        examples=contents.examples if rehearsal is None else rehearsal.examples,
        account=result,
        ddl=_ddl(plan, contents.columns, rehearsal, error),
        error=error,
    )


def _reading(source: Source, options: FileOptions) -> dict[str, Any]:
    """How the source is read, by the names of the options."""
    if not isinstance(source, Recognised) or not source.files:
        return {}
    name = source.files[0]
    kind = options.format if options.format != "auto" else format_of(name)
    if kind != "csv":
        return {"format": kind} | ({"sheet": options.sheet} if options.sheet is not None else {})
    header: Any = "yes" if options.header is None else list(options.header)
    return {
        "format": kind,
        "encoding": options.encoding,
        "delimiter": written(dialect_of(options, name)),
        "quote": options.quote,
        "header": "no" if "header" in options.detected else header,
        "skip_rows": options.skip_rows,
    } | {name: value for name in _SAID if (value := getattr(options, name)) != getattr(_DEFAULTS, name)}


def _ddl(
    plan: CopyPlan, columns: Sequence[Column], rehearsal: Rehearsal | None, error: PenstockError | None
) -> str | None:
    if plan.target:
        if rehearsal is None or rehearsal.created is None:
            return None
        made = rehearsal.created
        return definition(made.schema, made.table, made.columns, _key(plan, made.columns)).as_string()
    if error is not None or not columns:
        return None
    stem = re.split(r"[.*?\[]", PurePath(plan.source.rstrip("/")).name)[0]
    name = snake_case(stem) if re.search(r"\w", stem) else "new_table"
    return definition("", name, columns, _key(plan, columns)).as_string()


def _key(plan: CopyPlan, columns: Sequence[Column]) -> list[str]:
    names = [column.name for column in columns]
    return [require(name, names, "key column", plan.source) for name in plan.key]
