"""Keys of advisory locks."""

from __future__ import annotations

import hashlib


def lock_number(*names: str) -> int:
    """The key of the advisory lock on these names.

    Example:
        >>> lock_number("s3://lake", "sales/") == lock_number("s3://lake", "sales/")
        True
    """
    text = "\n".join(("penstock", *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], signed=True)
