"""Assets and OpenLineage datasets of a copy's source and target."""

from __future__ import annotations

import re
from typing import Any

from airflow.sdk import Asset

from penstock import lookup
from penstock.airflow.connections import as_airflow
from penstock.model.address import Api, Files, Lake, Objects, Table, parse
from penstock.model.result import CopyResult

Named = tuple[str, str]


def lineage_of(source: str, target: str, result: CopyResult | None) -> Any:
    """Return the provider's ``OperatorLineage`` for one copy.

    Args:
        result: The account of the copy; None if it failed.
    """
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset

    with as_airflow():
        read, written = dataset_of(source), dataset_of(target)
    facets: dict[str, Any] = {}
    if result is not None:
        rows = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=result.loaded)
        facets["outputStatistics"] = rows
    return OperatorLineage(
        inputs=[InputDataset(namespace=read[0], name=read[1])],
        outputs=[OutputDataset(namespace=written[0], name=written[1], outputFacets=facets)],
    )


def dataset_of(address: str) -> Named:
    """Return OpenLineage's namespace and name for an address.

    Example:
        >>> dataset_of("s3://archive@my-bucket/2013/labor/")
        ('s3://my-bucket', '2013/labor')
    """
    match parse(address):
        case Objects(_, bucket, key):
            return f"s3://{bucket}", key.strip("/") or "/"
        case Table(connection, schema, table):
            return _table(connection, schema, table)
        case Lake(path):
            return "penstock://lake", path
        case Api(connection, path):
            return f"http://{connection}", path
        case Files(pattern):
            return "file", pattern
    raise AssertionError(address)  # for mypy: all cases are covered


def _table(connection: str, schema: str, table: str) -> Named:
    found = lookup.find(connection)
    if found is None:
        return f"penstock://{connection}", f"{schema}.{table}"
    if found.type == "snowflake":
        return f"snowflake://{found.extra.get('account', '')}", f"{found.database}.{schema}.{table}".upper()
    return f"postgres://{found.host}:{found.port or 5432}", f"{found.database}.{schema}.{table}"


_PATTERN = re.compile(r"[*?\[]")


def target_asset(target: str) -> Asset | None:
    """Return the asset of a table, of objects or of a lake address; None for files and for templated addresses.

    Example:
        >>> target_asset("warehouse:raw.sales").uri
        'penstock://warehouse/raw/sales'
        >>> target_asset("s3://archive@my-bucket/sales/").uri
        's3://my-bucket/sales'
        >>> target_asset("lake:weather").uri
        'penstock://lake/weather'
    """
    if "{{" in target or "{%" in target:
        return None
    match parse(target, local_files=False):
        case Objects(bucket=bucket, key=key) if not _PATTERN.search(key):
            return Asset(name=target, uri=f"s3://{bucket}/{key}".rstrip("/"))
        case Table(connection, schema, table):
            return Asset(name=target, uri=f"penstock://{connection}/{schema}/{table}")
        case Lake(path):
            return Asset(name=target, uri=f"penstock://lake/{path}")
        case _:
            return None
