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
from penstock.model.result import CopyResult
from penstock.ports import Recognised, SafeProgress, Source
from penstock.postgres.target import PostgresTarget
from penstock.routes.request import CopyRequest


def load_files(request: CopyRequest) -> CopyResult:
    """Load files, or standard input."""
    source = cast("Files", request.source)
    progress = SafeProgress(request.progress)
    progress.begin(
        "reading", unit="bytes"
    )  # standard input and pipes are read completely before this returns
    files = open_files(source.pattern, request.plan.file, seen=lambda read: progress.advance(0, 0, read))
    return load(request, files)


def load_objects(request: CopyRequest) -> CopyResult:
    """Load objects: an export by its manifest, or all objects below the key."""
    source = cast("Objects", request.source)
    store = open_store(source.connection, source.bucket)
    return load(request, open_objects(store, source.key, request.plan.file))


def load_lake(request: CopyRequest) -> CopyResult:
    """Load the records of landed answers, without network access to the API."""
    from penstock.rest.lake.source import LakeSource, declared, landed

    source = cast("Lake", request.source)
    store = open_lake()
    plan = request.plan
    if plan.answers is None:
        plan = replace(plan, answers=declared(store, source.path))
    records = LakeSource(store, landed(store, source.path), plan.answers or Answers())
    return load(replace(request, plan=plan), records)


def load(request: CopyRequest, source: Source, *, replayed: int | None = None) -> CopyResult:
    """Load any source into the request's table.

    Args:
        replayed: See :func:`penstock.engine.copy.copy`.

    Raises:
        PenstockError: If nothing was copied, with the reason and a hint.
    """
    table = cast("Table", request.target)
    target = PostgresTarget(
        find(table.connection), table.schema, table.table, visible_rows_only=request.plan.visible_rows_only
    )
    plan = request.plan
    if isinstance(source, Recognised):
        # The copy's identity and the ledger use the format detected from the files' content.
        plan = replace(plan, file=source.options)
    return copy(plan, source, target, again=request.again, progress=request.progress, replayed=replayed)
