"""Lines at the end of a file that do not belong to its table: totals, counts of rows, sources."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from penstock.files.first_record import is_typed
from penstock.model.errors import SourceError
from penstock.model.plurals import counted

_HELD_BYTES = 64 << 20  # of lines that may be a footer
_MOST = 5  # rows that are found to be a footer
_ABOVE = 2  # rows that a footer must differ from

_TOTAL = re.compile(
    r"(?:(?:grand|sub)[ -]?)?totals?|sum|totaux|total général|somme|totale|totaal|gesamt(?:summe)?|insgesamt|summe|"
    r"suma|razem|celkem|összesen|итого|всего|合計",
    re.IGNORECASE,
)
_COUNT = re.compile(r"\([\d,]+ rows?(?: affected)?\)", re.IGNORECASE)
_NOTE = re.compile(
    r"(?:sources?|quellen?|notes?)\s*:.*|end of (?:file|report|data)\.?", re.IGNORECASE | re.DOTALL
)

Row = Sequence[str | None]


class _Text(Protocol):
    def follow(self, rest: bytes | bytearray, size: int, /) -> bytearray: ...


class FooterlessText:
    """A text without its last lines.

    Args:
        count: Number of lines to leave out; blank lines do not count.
    """

    def __init__(self, text: _Text, count: int) -> None:
        self._text = text
        self._count = count
        self._held = bytearray()
        self.dropped = 0

    def follow(self, rest: bytes | bytearray, size: int) -> bytearray:
        """See :class:`penstock.files.blocks.Text`."""
        while True:
            buffer = self._text.follow(self._held, size)
            final = len(buffer) == len(self._held)
            cut, lines = _last_lines(buffer, self._count)
            if final:
                self._held = bytearray()
                self.dropped += lines
                return bytearray(rest) + buffer[:cut]
            if len(buffer) - cut > _HELD_BYTES:
                raise SourceError(
                    f"the last {counted(self._count, 'line')} have more than {_HELD_BYTES:,} bytes",
                    hint="pass a smaller --footer",
                )
            self._held = buffer[cut:]
            if cut:
                return bytearray(rest) + buffer[:cut]


def _last_lines(data: bytearray, count: int) -> tuple[int, int]:
    """Where the last lines begin that are not blank, and how many there are."""
    begin = end = len(data)
    found = 0
    while end and found < count:
        begin = max(data.rfind(b"\n", 0, end - 1), data.rfind(b"\r", 0, end - 1)) + 1
        found += bool(data[begin:end].strip())
        end = begin
    return begin, found


def count_footers(rows: Sequence[Row]) -> int:
    """How many of the last rows look like a footer, by the rows above them.

    Example:
        >>> count_footers([["1", "a", "5"], ["2", "b", "6"], ["Total", None, "11"]])
        1
        >>> count_footers([["North", "5"], ["South", "6"], ["Total", "11"]])
        0
    """
    count = 0
    while (
        count < _MOST
        and len(rows) - count > _ABOVE
        and _is_footer(rows[len(rows) - count - 1], rows[: len(rows) - count - 1])
    ):
        count += 1
    return count


def _is_footer(row: Row, above: Sequence[Row]) -> bool:
    filled = _filled(row)
    if not filled:
        return False
    at, text = filled[0]
    if len(filled) == 1 and (_COUNT.fullmatch(text) or (_is_note(row) and _have_several(above))):
        return True
    if not _TOTAL.fullmatch(text.rstrip(": ")):
        return False
    values = [value for other in above if (value := (other[at] or "").strip())]
    if values and all(map(is_typed, values)):
        return True
    empty = set(range(len(row))) - {place for place, _ in filled}
    return any(all((other[place] or "").strip() for other in above) for place in empty)


def _filled(row: Row) -> list[tuple[int, str]]:
    return [(at, text) for at, cell in enumerate(row) if (text := (cell or "").strip())]


def _is_note(row: Row) -> bool:
    """Whether a row has nothing but a note on the table."""
    filled = _filled(row)
    return len(filled) == 1 and _NOTE.fullmatch(filled[0][1]) is not None


def _have_several(rows: Sequence[Row]) -> bool:
    """Whether all rows that are not notes have several values."""
    others = [row for row in rows if not _is_note(row)]
    return len(others) >= _ABOVE and all(len(_filled(row)) > 1 for row in others)
