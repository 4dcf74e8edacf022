"""Loads of an export in an object store, into a Snowflake table."""

from __future__ import annotations

from typing import cast

from penstock import lookup
from penstock.files.object_source import find_manifest, prefix_of
from penstock.lookup.connections import find
from penstock.lookup.stores import open_store
from penstock.model.address import Objects, Table
from penstock.model.errors import SourceError, UsageError
from penstock.model.manifest import Manifest
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult
from penstock.ports import Entry
from penstock.postgres.export_ledger import keep_other_account
from penstock.routes.request import CopyRequest
from penstock.snowflake.load import SnowflakeTable, load, rejects_of


def load_export(request: CopyRequest) -> CopyResult:
    """Load an export with Snowflake's COPY INTO.

    The account and the rejects are kept in Snowflake and in the ledger of the export.

    Raises:
        UsageError: If the plan has no stage.
        SourceError: If the source is not an export.
        PenstockError: If nothing was copied, with the reason and a hint.
    """
    plan = request.plan
    source, table = cast("Objects", request.source), cast("Table", request.target)
    if plan.stage is None:
        raise UsageError("Snowflake needs an external stage to read objects", hint="add --stage SCHEMA.STAGE")
    manifest = find_manifest(open_store(source.connection, source.bucket), source.key)
    if manifest is None:
        raise SourceError(
            f"no export at {plan.source}", hint="write one: penstock copy connection:table s3://bucket/key/"
        )
    target = SnowflakeTable(find(table.connection, "snowflake"), table.schema, table.table, plan.stage)
    result = load(plan, manifest, prefix_of(source.key), target, again=request.again)
    _account_at_source(plan, manifest, target, result)
    return result


def _account_at_source(
    plan: CopyPlan, manifest: Manifest, target: SnowflakeTable, result: CopyResult
) -> None:
    source = lookup.find(manifest.source.partition(":")[0])
    if source is None or source.type != "postgres":
        return
    header = [column.name for column in manifest.columns]
    files = [file.name for file in manifest.files]
    rejects = rejects_of(target, result.id) if result.rejected else ()
    keep_other_account(source, Entry(plan=plan, result=result, files=files, header=header), rejects)
