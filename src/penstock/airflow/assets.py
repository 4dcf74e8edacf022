"""The source and target of a copy as Airflow assets."""

from __future__ import annotations

import re

from airflow.sdk import Asset

from penstock.model.address import Lake, Objects, Table, parse

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
