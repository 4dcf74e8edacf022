r"""Finds the records of a block of text, by the same rules as Arrow's CSV parser.

A quote opens only at the start of a field. Inside quotes a doubled quote is one quote. Text behind the closing quote
belongs to the field, and makes the record invalid. A record ends at a line end (``\n``, ``\r\n`` or a lone ``\r``)
outside quotes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penstock.model.errors import UsageError

Offsets = npt.NDArray[np.int64]

_LF, _CR = 10, 13
_LINE_END = re.compile(rb"[\r\n]")
_NONE: Offsets = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Dialect:
    """The delimiter, and the quote character if any.

    Args:
        blanks: Blanks after the delimiter do not belong to the field that follows.
        comment: Lines that begin with this text are not records.

    Raises:
        UsageError: If delimiter and quote are not two different ASCII characters, or if the comment is invalid.
    """

    delimiter: str
    quote: str | None
    blanks: bool = False
    comment: str | None = None

    def __post_init__(self) -> None:
        for what, text in (("delimiter", self.delimiter), ("quote", self.quote)):
            if text is not None and (len(text) != 1 or not text.isascii() or text in "\r\n\0"):
                raise UsageError(f"invalid {what} {text!r}", hint="use one ASCII character")
        if self.comment is not None and (not self.comment or set(self.comment) & set("\r\n\0")):
            raise UsageError(
                f"invalid comment {self.comment!r}", hint="use the text that comment lines begin with: '#'"
            )
        if self.delimiter == self.quote:
            raise UsageError(
                f"delimiter and quote are both {self.quote!r}", hint="use two different characters"
            )


@dataclass(frozen=True, slots=True)
class Records:
    """The complete records of a block.

    Args:
        starts: Offset of each record.
        ends: End of each record, before its line end.
        lines: Number of line ends before each record in the block.
        used: Offset of the first incomplete record.
        used_lines: Number of line ends before that.
        glued: Offsets of closing quotes that are followed by more text of the same field.
        comments: Number of comment lines, which are not among the records.
    """

    starts: Offsets
    ends: Offsets
    lines: Offsets
    used: int
    used_lines: int
    glued: Offsets
    comments: int = 0


def split(data: bytes | bytearray, dialect: Dialect, *, final: bool) -> Records:
    """Find the records of ``data``, which starts with a record.

    Args:
        final: ``data`` is the end: the last record needs no line end, unless its quotes are still open.
    """
    text = np.frombuffer(data, np.uint8)
    breaks = _line_breaks(data, text, final=final)
    opens, closes = _quoted(data, text, dialect)
    ordinals = _outside(breaks, opens, closes)
    last = breaks if ordinals is None else breaks[ordinals]
    following = np.arange(1, len(last) + 1) if ordinals is None else ordinals + 1
    used, used_lines = (int(last[-1]) + 1, int(following[-1])) if len(last) else (0, 0)
    starts, lines, ends = _after(last + 1), _after(following), _before_crlf(data, text, last)
    if final and used < len(data) and len(opens) == len(closes):
        starts, lines = np.append(starts, used), np.append(lines, used_lines)
        ends, used = np.append(ends, len(data)), len(data)
    glued = _glued(text, closes, dialect)
    if dialect.comment is None:
        return Records(starts, ends, lines, used, used_lines, glued)
    rest = ~_begin_with(text, starts, ends, dialect.comment.encode())
    count = len(rest) - int(rest.sum())
    return Records(starts[rest], ends[rest], lines[rest], used, used_lines, glued, count)


def first_line(data: bytes | bytearray) -> tuple[int, int]:
    """The end of the first physical line, and the start of the next; without a line end, both are the end of data."""
    found = [at for at in (data.find(b"\n"), data.find(b"\r")) if at >= 0]
    if not found:
        return len(data), len(data)
    end = min(found)
    return end, end + (2 if data[end : end + 2] == b"\r\n" else 1)


def _begin_with(
    text: npt.NDArray[np.uint8], starts: Offsets, ends: Offsets, comment: bytes
) -> npt.NDArray[np.bool_]:
    """Which records begin with a text."""
    found: npt.NDArray[np.bool_] = ends - starts >= len(comment)
    for at, byte in enumerate(comment):
        found[found] = text[starts[found] + at] == byte
    return found


def _has_comments(data: bytes | bytearray, dialect: Dialect) -> bool:
    if dialect.comment is None:
        return False
    comment = dialect.comment.encode()
    return data.startswith(comment) or any(mark + comment in data for mark in (b"\n", b"\r"))


def _after(begins: Offsets) -> Offsets:
    """Each record begins where the one before it ended, the first at 0."""
    starts = np.empty(len(begins), np.int64)
    starts[:1] = 0
    starts[1:] = begins[:-1]
    return starts


def _line_breaks(data: bytes | bytearray, text: npt.NDArray[np.uint8], *, final: bool) -> Offsets:
    """Positions of the last byte of every line end."""
    feeds = np.flatnonzero(text == _LF)
    if b"\r" not in data:
        return feeds
    returns = np.flatnonzero(text == _CR)
    if returns[-1] == len(data) - 1:
        alone = np.append(text[returns[:-1] + 1] != _LF, final)  # a line feed may follow in the next block
    else:
        alone = text[returns + 1] != _LF
    if not alone.any():
        return feeds
    breaks = np.concatenate([feeds, returns[alone]])
    breaks.sort()
    return breaks


def _before_crlf(data: bytes | bytearray, text: npt.NDArray[np.uint8], breaks: Offsets) -> Offsets:
    if b"\r" not in data:
        return breaks
    wide = (text[breaks] == _LF) & (breaks > 0) & (text[breaks - 1] == _CR)
    return breaks - wide  # type: ignore[no-any-return]


def _quoted(
    data: bytes | bytearray, text: npt.NDArray[np.uint8], dialect: Dialect
) -> tuple[Offsets, Offsets]:
    """Offsets of opening and closing quotes; the last may be unclosed."""
    if dialect.quote is None or dialect.quote.encode() not in data:
        return _NONE, _NONE
    quotes = np.flatnonzero(text == ord(dialect.quote))
    opens, closes = quotes[0::2], quotes[1::2]
    if not _has_comments(data, dialect) and _plausible(text, opens, closes, ord(dialect.delimiter)):
        return opens, closes
    return _scanned(data, dialect)


def _plausible(text: npt.NDArray[np.uint8], opens: Offsets, closes: Offsets, delimiter: int) -> bool:
    """Whether every other quote opens a field, or doubles the quote before it."""
    before = text[opens - 1]  # for a quote at 0 this is the last byte, which is not used
    proper = (before == delimiter) | (before == _LF) | (before == _CR) | (opens == 0)
    proper[1:] |= opens[1:] == closes[: len(opens) - 1] + 1
    return bool(proper.all())


def _glued(text: npt.NDArray[np.uint8], closes: Offsets, dialect: Dialect) -> Offsets:
    """Closing quotes behind which the field continues."""
    if dialect.quote is None or len(closes) == 0:
        return _NONE
    if closes[-1] == len(text) - 1:
        closes = closes[:-1]
    continues = np.ones(256, np.bool_)
    continues[[ord(dialect.delimiter), ord(dialect.quote), _LF, _CR]] = False
    return closes[continues[text[closes + 1]]]


def _scanned(data: bytes | bytearray, dialect: Dialect) -> tuple[Offsets, Offsets]:
    """The same, one quote at a time, for data in which some quotes are literal text or in comments."""
    assert dialect.quote is not None
    quote, starters = dialect.quote.encode(), f"{dialect.delimiter}\r\n".encode()
    comment = None if dialect.comment is None else dialect.comment.encode()
    opens: list[int] = []
    closes: list[int] = []
    at = data.find(quote)
    while at >= 0:
        if comment is not None:
            line = data.rfind(b"\n", 0, at) + 1
            line = max(line, data.rfind(b"\r", line, at) + 1)
            if data.startswith(comment, line) and (not closes or closes[-1] < line):
                end = _LINE_END.search(data, at)
                at = -1 if end is None else data.find(quote, end.start())
                continue
        if at == 0 or data[at - 1] in starters:
            opens.append(at)
            at = data.find(quote, at + 1)
            while at >= 0 and data.startswith(quote, at + 1):
                at = data.find(quote, at + 2)
            if at < 0:
                break
            closes.append(at)
        at = data.find(quote, at + 1)
    return np.array(opens, np.int64), np.array(closes, np.int64)


def _outside(breaks: Offsets, opens: Offsets, closes: Offsets) -> Offsets | None:
    """Which line breaks are outside quotes; None if all are."""
    if len(opens) == 0:
        return None
    if len(opens) < len(breaks):  # search for the smaller set
        closed = np.searchsorted(breaks, opens[: len(closes)])
        if len(opens) == len(closes) and np.array_equal(closed, np.searchsorted(breaks, closes)):
            return None
    inside = np.searchsorted(opens, breaks) > np.searchsorted(closes, breaks)
    return np.flatnonzero(~inside)
