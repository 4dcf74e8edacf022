"""Validates object keys."""

from __future__ import annotations

from penstock.model.errors import UsageError

_MOST_BYTES = 1024  # limit of S3


def checked(key: str) -> str:
    """The key, if it is valid in every store.

    Raises:
        UsageError: If it is empty or too long, or a part of it is empty, ``.`` or ``..``, or holds a NUL.

    Example:
        >>> checked("2013-02-01/labor/part-0.parquet")
        '2013-02-01/labor/part-0.parquet'
    """
    parts = key.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in key or len(key.encode()) > _MOST_BYTES:
        raise UsageError(f"invalid object key {key!r}", hint="write it as a relative path: 2013/labor.csv")
    return key
