"""Exports: a table or query of a Postgres server, into objects or a directory."""

from __future__ import annotations

from typing import cast

from psycopg.sql import Composable, Identifier

from penstock.engine.export import export, require_export
from penstock.lookup.connections import find
from penstock.lookup.stores import open_store
from penstock.model.address import Files, Objects, Query, Table
from penstock.model.result import CopyResult
from penstock.objects.directory import directory_of
from penstock.objects.export.session import make_target
from penstock.ports import ObjectStore
from penstock.postgres.arrow_reader import PostgresRows
from penstock.postgres.select import query_relation
from penstock.routes.request import CopyRequest


def export_to_store(request: CopyRequest) -> CopyResult:
    """Write a table or query to objects below a key."""
    target = cast("Objects", request.target)
    require_export(request.plan)
    return _export(request, open_store(target.connection, target.bucket), target.key)


def export_to_directory(request: CopyRequest) -> CopyResult:
    """Write a table or query to files."""
    target = cast("Files", request.target)
    require_export(request.plan)
    return _export(request, *directory_of(target.pattern))


def _export(request: CopyRequest, store: ObjectStore, key: str) -> CopyResult:
    plan = request.plan
    source = cast("Table | Query", request.source)
    database = find(source.connection)
    relation: Composable = (
        Identifier(source.schema, source.table) if isinstance(source, Table) else query_relation(source.sql)
    )
    selection = PostgresRows(database, plan, relation)
    return export(plan, selection, make_target(plan, store, key, database), progress=request.progress)
