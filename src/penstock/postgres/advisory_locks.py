"""Names as the numbers that a server's advisory locks go by."""

from __future__ import annotations

import hashlib


def lock_number(*names: str) -> int:
    """A number for these names, by which those who mean the same thing wait for one another.

    Example:
        >>> lock_number("s3://lake", "sales/") == lock_number("s3://lake", "sales/")
        True
    """
    text = "\n".join(("penstock", *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], signed=True)
