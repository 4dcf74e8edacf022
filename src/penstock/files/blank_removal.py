"""Text without the blanks that follow its delimiters, as in ``1, "a, b", 3``."""

from __future__ import annotations

import re
from typing import Protocol

# A quote that is never closed holds back this much.
_HELD_BYTES = 16 << 20


class _Text(Protocol):
    def follow(self, rest: bytes | bytearray, size: int, /) -> bytearray: ...


class UnpaddedText:
    """A text without the blanks between a delimiter and the field that follows it; quoted fields stay as they are."""

    def __init__(self, text: _Text, delimiter: str, quote: str | None) -> None:
        self._text = text
        self._quote = None if quote is None else quote.encode()
        self._held = bytearray()
        d = re.escape(delimiter.encode())
        quoted = b""
        if quote is not None:
            q = re.escape(quote.encode())
            quoted = rb"(?:%(q)b(?:[^%(q)b]|%(q)b%(q)b)*%(q)b(?=%(d)b|[\r\n]|\Z))?" % {b"q": q, b"d": d}
        self._pattern = re.compile(rb"(%b) *(%b)|(\A|[\r\n])(%b)" % (d, quoted, quoted))

    def follow(self, rest: bytes | bytearray, size: int) -> bytearray:
        """See :class:`penstock.files.blocks.Text`."""
        while True:
            buffer = self._text.follow(self._held, size)
            final = len(buffer) == len(self._held)
            cut = len(buffer) if final or len(buffer) > _HELD_BYTES else self._whole_lines(buffer)
            self._held = buffer[cut:]
            if cut or final:
                return bytearray(rest) + self._pattern.sub(rb"\1\2\3\4", buffer[:cut])

    def _whole_lines(self, buffer: bytearray) -> int:
        """Where the last line ends at which no quote is open."""
        cut = buffer.rfind(b"\n") + 1
        if self._quote is None or not cut:
            return cut
        open_ = buffer.count(self._quote, 0, cut) % 2
        while open_ and cut:
            before = buffer.rfind(b"\n", 0, cut - 1) + 1
            open_ ^= buffer.count(self._quote, before, cut) % 2
            cut = before
        return cut
