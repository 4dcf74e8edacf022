"""A seekable stream of an object, read in ranges."""

from __future__ import annotations

import io
import os
from collections.abc import Callable

from penstock.model.errors import SourceError
from penstock.ports import Stored

# Size of a range: smaller ones are slower over high latency; at most two are in memory.
_BLOCK_BYTES = 4 << 20

Fetch = Callable[[str, int, int], tuple[bytes, str]]


class RangedReader(io.RawIOBase):
    """Reads one version of an object; if it changes, reading fails.

    Args:
        fetch: Returns the bytes from start to end of a key, and the object's current etag.
        stored: The listed object.
    """

    def __init__(self, fetch: Fetch, stored: Stored) -> None:
        self._fetch = fetch
        self._stored = stored
        self._at = 0
        self._start = 0
        self._block = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """The current position."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """See :class:`io.RawIOBase`."""
        self._at = (0, self._at, self._stored.size)[whence] + offset
        return self._at

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """See :class:`io.RawIOBase`.

        Raises:
            SourceError: If the object has changed.
        """
        if self._at >= self._stored.size:
            return 0
        if not self._start <= self._at < self._start + len(self._block):
            self._load()
        begin = self._at - self._start
        piece = memoryview(self._block)[begin : begin + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _load(self) -> None:
        end = min(self._at + _BLOCK_BYTES, self._stored.size)
        block, etag = self._fetch(self._stored.key, self._at, end)
        if etag != self._stored.etag or len(block) != end - self._at:
            raise SourceError(
                f"'{self._stored.key}' changed while it was read",
                hint="nothing was copied; run it again when it is complete",
            )
        self._start, self._block = self._at, block
