"""What may be a key."""

from __future__ import annotations

from penstock.model.errors import UsageError

_MOST_BYTES = 1024  # S3's own limit


def checked(key: str) -> str:
    """The key itself, if every store can keep it.

    Raises:
        UsageError: If it is empty or too long, or a part of it is empty, ``.`` or ``..``, or holds a NUL.

    Example:
        >>> checked("2013-02-01/labor/part-0.parquet")
        '2013-02-01/labor/part-0.parquet'
    """
    parts = key.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in key or len(key.encode()) > _MOST_BYTES:
        raise UsageError(
            f"{key!r} is no key of an object", hint="write it as a relative path: 2013/labor.csv"
        )
    return key
