"""Loads: files, objects and answers in the lake, into a Postgres table."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from penstock.engine.copy import copy
from penstock.files.object_source import open_objects
from penstock.files.source import open_files
from penstock.lookup.connections import find
from penstock.lookup.stores import open_lake, open_store
from penstock.model.address import Files, Lake, Objects, Table
from penstock.model.api import Answers
from penstock.model.errors import UsageError
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult
from penstock.ports import Recognised, SafeProgress, Source
from penstock.postgres.target import PostgresTarget
from penstock.routes.request import CopyRequest


def load_files(request: CopyRequest) -> CopyResult:
    """Load files, or standard input."""
    return load(*opened(request))


def load_objects(request: CopyRequest) -> CopyResult:
    """Load objects: an export by its manifest, or all objects below the key."""
    return load(*opened(request))


def load_lake(request: CopyRequest) -> CopyResult:
    """Load the records of landed answers, without network access to the API."""
    return load(*opened(request))


def opened(request: CopyRequest) -> tuple[CopyRequest, Source]:
    """The source of a load, and the request with what the source adds to its plan.

    Raises:
        UsageError: If the source is of another kind.
    """
    plan = request.plan
    match request.source:
        case Files() as files:
            progress = SafeProgress(request.progress)
            # Standard input and pipes are read completely before this returns.
            progress.begin("reading", unit="bytes")
            return request, open_files(
                files.pattern, plan.file, seen=lambda read: progress.advance(0, 0, read)
            )
        case Objects() as objects:
            store = open_store(objects.connection, objects.bucket)
            return request, open_objects(store, objects.key, plan.file)
        case Lake() as lake:
            return _opened_lake(request, lake)
    raise UsageError(f"cannot preview {plan.source!r}", hint="preview files, s3://bucket/key or lake:name")


def _opened_lake(request: CopyRequest, lake: Lake) -> tuple[CopyRequest, Source]:
    from penstock.rest.lake.source import LakeSource, declared, landed

    store = open_lake()
    plan = request.plan
    if plan.answers is None:
        plan = replace(plan, answers=declared(store, lake.path))
    return replace(request, plan=plan), LakeSource(store, landed(store, lake.path), plan.answers or Answers())


def load(request: CopyRequest, source: Source, *, replayed: int | None = None) -> CopyResult:
    """Load any source into the request's table.

    Args:
        replayed: See :func:`penstock.engine.copy.copy`.

    Raises:
        PenstockError: If nothing was copied, with the reason and a hint.
    """
    return copy(
        with_findings(request.plan, source),
        source,
        target_of(request),
        again=request.again,
        progress=request.progress,
        replayed=replayed,
    )


def target_of(request: CopyRequest) -> PostgresTarget:
    """The request's table.

    Raises:
        ConnectionFailed: If the connection does not exist.
    """
    table = cast("Table", request.target)
    return PostgresTarget(
        find(table.connection), table.schema, table.table, visible_rows_only=request.plan.visible_rows_only
    )


def with_findings(plan: CopyPlan, source: Source) -> CopyPlan:
    """The plan with what was detected from the source's content, as the copy's identity and the ledger have it."""
    return replace(plan, file=source.options) if isinstance(source, Recognised) else plan
