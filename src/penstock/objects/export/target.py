"""Parses the key of a target: a prefix for several files, or one file."""

from __future__ import annotations

import re

from penstock.model.connection import Connection
from penstock.model.errors import UsageError
from penstock.model.plan import CopyPlan
from penstock.objects.export.formats import make_format
from penstock.objects.export.session import ObjectsTarget
from penstock.ports import ObjectStore

# Large enough that a request's latency does not matter, small enough for several parallel readers.
DEFAULT_LIMIT = 250_000_000
_LEAST_LIMIT = 1_000
_ONE_FILE = re.compile(r".+\.(?P<format>parquet|csv)(?:\.(?P<packed>gz|zst))?")


def make_target(plan: CopyPlan, store: ObjectStore, key: str, ledger: Connection) -> ObjectsTarget:
    """The target of a key.

    Args:
        key: With a suffix, such as ``labor.csv.gz``, it is one file; otherwise a prefix.
        ledger: The database that keeps the account.

    Raises:
        UsageError: If format, compression or size are invalid.
    """
    limit = DEFAULT_LIMIT if plan.max_file_size is None else plan.max_file_size
    if limit < _LEAST_LIMIT:
        raise UsageError(f"file size {limit} is too small", hint=f"use at least {_LEAST_LIMIT} bytes")
    asked = None if plan.file.format == "auto" else plan.file.format
    one = _ONE_FILE.fullmatch(key)
    if one is None:
        if "." in key.rpartition("/")[2]:
            raise UsageError(
                f"no format for the file name {key!r}",
                hint="use a suffix: .parquet, .csv, .csv.gz, .csv.zst, or / for several files",
            )
        prefix = f"{key.rstrip('/')}/" if key.strip("/") else ""
        form = make_format(asked or "parquet", plan.compression, limit)
    else:
        if asked not in (None, one["format"]):
            raise UsageError(f"{key!r} is {one['format']}, but --format is {asked}", hint="use one of them")
        if plan.max_file_size is not None:
            raise UsageError(
                f"{key!r} is a single file, which has no size limit", hint="use a prefix: end it with /"
            )
        prefix = key
        form = make_format(one["format"], plan.compression or one["packed"], None)
    return ObjectsTarget(store, prefix, plan.target, form, limit, ledger)
