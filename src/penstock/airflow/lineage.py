"""OpenLineage datasets of a copy, for Airflow's OpenLineage provider if it is installed."""

from __future__ import annotations

from typing import Any

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
