"""The one place that names concrete adapters: turns a plan's addresses into a source and a target, and copies."""

from __future__ import annotations

from dataclasses import replace

from psycopg.sql import Identifier

from penstock import lookup
from penstock.engine.copy import copy
from penstock.engine.export import export, require_export
from penstock.files.object_source import find_manifest, open_objects, prefix_of
from penstock.files.source import open_files
from penstock.lookup.connections import find as find  # noqa: PLC0414  # the modules above ask here
from penstock.lookup.stores import open_lake as open_lake  # noqa: PLC0414
from penstock.lookup.stores import open_store as open_store  # noqa: PLC0414
from penstock.model.address import Files, Lake, Objects, Table, parse, parse_table
from penstock.model.api import Answers
from penstock.model.errors import SourceError, UsageError
from penstock.model.manifest import Manifest
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult
from penstock.objects.directory import directory_of
from penstock.objects.export.target import make_target
from penstock.ports import Entry, ExportTarget, Progress, Selection, Source, Target
from penstock.postgres.arrow_reader import PostgresRows
from penstock.postgres.export_ledger import keep_other_account
from penstock.postgres.select import select_of
from penstock.postgres.target import PostgresTarget
from penstock.routes.relay import run_between
from penstock.snowflake.load import SnowflakeTable, load, rejects_of


def run(plan: CopyPlan, *, again: bool = False, progress: Progress | None = None) -> CopyResult:
    """Carry out a plan. Every face of Penstock ends here.

    Raises:
        PenstockError: If nothing was done, with the reason and the remedy.
    """
    if (done := run_between(plan, again=again, progress=progress)) is not None:
        return done
    if (exported := open_export(plan)) is not None:
        return export(plan, *exported, progress=progress)
    if (loading := open_load(plan)) is not None:
        return load_exported(plan, *loading, again=again)
    plan = as_declared(plan)
    return copy(plan, open_source(plan), open_target(plan), again=again, progress=progress)


def open_export(plan: CopyPlan) -> tuple[Selection, ExportTarget] | None:
    """Both ends of a copy from a table or query to objects or a directory; None where the plan is none.

    Raises:
        UsageError: If the format or compression is none.
        ConnectionFailed: If there is no such connection, or the store cannot be entered.
    """
    place = parse(plan.target)
    source = plan.source if plan.query is None else f"{plan.source.partition(':')[0]}:query"
    table = parse(source)
    if not isinstance(table, Table) or not isinstance(place, Objects | Files):
        return None
    require_export(plan)
    database = find(table.connection)
    selection = PostgresRows(
        database,
        select_of(plan, Identifier(table.schema, table.table)),
        plan.source,
        visible_rows_only=plan.visible_rows_only,
    )
    if isinstance(place, Objects):
        store, key = open_store(place.connection, place.bucket), place.key
    else:
        store, key = directory_of(place.pattern)
    return selection, make_target(plan, store, key, database)


def open_load(plan: CopyPlan) -> tuple[Manifest, str, SnowflakeTable] | None:
    """An export, its key and the Snowflake table of a plan; None where the plan is of another kind.

    Raises:
        UsageError: If the plan names no stage.
        SourceError: If there is no export.
        ConnectionFailed: If the store cannot be entered.
    """
    place, table = parse(plan.source), parse(plan.target)
    if not isinstance(place, Objects) or not isinstance(table, Table):
        return None
    warehouse = lookup.find(table.connection)
    if warehouse is None or warehouse.type != "snowflake":
        return None
    if plan.stage is None:
        raise UsageError("Snowflake reads objects by way of a stage", hint="name it: --stage daily.s3_stage")
    manifest = find_manifest(open_store(place.connection, place.bucket), place.key)
    if manifest is None:
        raise SourceError(
            f"no export at {plan.source}", hint="write one: penstock copy connection:table s3://bucket/key/"
        )
    target = SnowflakeTable(warehouse, table.schema, table.table, plan.stage)
    return manifest, prefix_of(place.key), target


def load_exported(
    plan: CopyPlan, manifest: Manifest, path: str, target: SnowflakeTable, *, again: bool = False
) -> CopyResult:
    """Load an export into Snowflake, and keep the account and the rejects there and beside the export's own account.

    Raises:
        PenstockError: If nothing was done, with the reason and the remedy.
    """
    result = load(plan, manifest, path, target, again=again)
    source = lookup.find(manifest.source.partition(":")[0])
    if source is not None and source.type == "postgres":
        header = [column.name for column in manifest.columns]
        files = [file.name for file in manifest.files]
        rejects = rejects_of(target, result.id) if result.rejected else ()
        keep_other_account(source, Entry(plan=plan, result=result, files=files, header=header), rejects)
    return result


def open_source(plan: CopyPlan) -> Source:
    """The source that the plan names.

    Raises:
        UsageError: If nothing can be copied from there.
        SourceError: If it cannot be read.
    """
    match parse(plan.source):
        case Files(pattern):
            return open_files(pattern, plan.file)
        case Objects(connection, bucket, key):
            return open_objects(open_store(connection, bucket), key, plan.file)
        case Lake(path):
            return open_landed(path, plan)
        case other:
            raise UsageError(
                f"{plan.source!r} is no source ({type(other).__name__.lower()})", hint="copy from a file"
            )


def open_landed(path: str, plan: CopyPlan) -> Source:
    """The records of what has landed below a path of the lake.

    Raises:
        SourceError: If nothing has.
    """
    from penstock.rest.lake.source import LakeSource, landed

    store = open_lake()
    return LakeSource(store, landed(store, path), plan.answers or Answers())


def as_declared(plan: CopyPlan) -> CopyPlan:
    """The plan, with what it leaves to the lake: how the newest landing takes records from its answers."""
    address = parse(plan.source)
    if not isinstance(address, Lake) or plan.answers is not None:
        return plan
    from penstock.rest.lake.source import declared

    return replace(plan, answers=declared(open_lake(), address.path))


def open_target(plan: CopyPlan) -> Target:
    """The target that the plan names; an embedded server is started if it does not run.

    Raises:
        UsageError: If the address is none.
        ConnectionFailed: If there is no such connection.
    """
    table = parse_table(plan.target)
    return PostgresTarget(
        find(table.connection), table.schema, table.table, visible_rows_only=plan.visible_rows_only
    )
