"""Splits JSON arrays and pretty-printed objects into blocks of whole values, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penstock.files.blocks import Block, Broken, Sizes, Text
from penstock.files.record_splitter import Offsets

_NONE: Offsets = np.empty(0, np.int64)
_KEPT_BYTES = 64 << 10
_BLANK = b" \t\r\n"
_OVERLAP_BYTES = 64 << 10
_FIRST_KEY = re.compile(rb'\s*?(?P<line>\n[ \t]*)?(?P<key>\{\s*"(?:[^"\\\n]|\\.)*")')

_STEPS = np.zeros(256, np.int8)
_STEPS[[ord("{"), ord("[")]] = 1
_STEPS[[ord("}"), ord("]")]] = -1
_MARKS = _STEPS != 0
_MARKS[ord(",")] = True
_INK = np.ones(256, bool)
_INK[list(_BLANK)] = False


@dataclass(frozen=True, slots=True)
class _Cut:
    """The complete values of a buffer.

    Args:
        used: Offset of the first incomplete value.
        closed: Whether the array ends there.
    """

    starts: Offsets
    ends: Offsets
    used: int
    closed: bool = False


def read_values(head: bytearray, text: Text, sizes: Sizes) -> Iterator[Block]:
    """All values of one array, or of a sequence of values; the first character decides which.

    The lines of the blocks are the numbers of the values, counted from 1: several values may share a line. Text
    between values counts as a value, which the parser rejects. A value that never ends is skipped.
    """
    head = head.lstrip(_BLANK)
    array = head.startswith(b"[")
    return _Reader(text, sizes, array=array).blocks(head[array:])


def is_balanced(line: bytes | bytearray) -> bool:
    """Whether a line closes every bracket that it opens.

    Example:
        >>> is_balanced(b'{"a": "}"}'), is_balanced(b'{"a": 1,')
        (True, False)
    """
    text = np.frombuffer(line, np.uint8)
    return not int(_STEPS[text[_outside_strings(line, text)]].sum())


class _Reader:
    def __init__(self, text: Text, sizes: Sizes, *, array: bool) -> None:
        self._text = text
        self._sizes = sizes
        self._array = array
        self._number = 1

    def blocks(self, head: bytearray) -> Iterator[Block]:
        """The values of the head, and of the text after it."""
        rest, final = head, False
        while not final:
            buffer = self._text.follow(rest, max(self._sizes.block, len(rest) >> 1))
            final = len(buffer) == len(rest)
            while True:
                cut = self._cut(buffer, final=final)
                yield from self._block(buffer, cut)
                rest = buffer[cut.used :]
                if cut.closed:
                    yield from self._behind(rest, final=final)
                    return
                if not rest.strip(_BLANK) or not (final or len(rest) > self._sizes.record):
                    break
                value, buffer, final = self._give_up(rest, final=final)
                yield self._broken(value.strip(_BLANK), "the value is not closed")
        if self._array:
            yield self._broken(b"", "the array is not closed: the file may have been cut off")

    def _cut(self, data: bytearray, *, final: bool) -> _Cut:
        text = np.frombuffer(data, np.uint8)
        marks = _outside_strings(data, text)
        steps = _STEPS[text[marks]]
        depth = np.cumsum(steps, dtype=np.int64)
        if self._array:
            return _cut_array(text, marks, depth, final=final)
        depth -= np.minimum(np.minimum.accumulate(depth), 0) if len(depth) else depth
        ends = marks[(depth == 0) & (steps < 0)] + 1
        return _Cut(*_trimmed(text, _begins(ends), ends), used=int(ends[-1]) if len(ends) else 0)

    def _block(self, data: bytearray, cut: _Cut) -> Iterator[Block]:
        if count := len(cut.starts):
            lines = np.arange(self._number, self._number + count)
            self._number += count
            yield Block(data, 0, cut.used, cut.starts, cut.ends, lines)

    def _broken(self, data: bytes | bytearray, message: str) -> Block:
        broken = Broken(self._number, bytearray(data[:_KEPT_BYTES]), message)
        self._number += 1
        return Block(bytearray(), 0, 0, _NONE, _NONE, _NONE, broken)

    def _give_up(self, rest: bytearray, *, final: bool) -> tuple[bytearray, bytearray, bool]:
        """The unclosed value, the rest from the next value on, and whether the text ended."""
        value, pattern = rest[:_KEPT_BYTES], _following(rest)
        if pattern is None:
            return value, bytearray(), self._finish(final=final)
        at = _FIRST_KEY.match(rest).end()  # type: ignore[union-attr]  # a pattern is made of it
        while (found := pattern.search(rest, at)) is None and not final:
            # With an overlap, because the next value may begin at the end.
            tail = rest[max(at, len(rest) - _OVERLAP_BYTES) :]
            rest = self._text.follow(tail, self._sizes.block)
            final, at = len(rest) == len(tail), 0
        if found is None or (found["list"] is not None):
            return value, bytearray(), self._finish(final=final)
        return value[: found.end("close")] if at else value, rest[found.end() :], final

    def _finish(self, *, final: bool) -> bool:
        """Read to the end, to verify that it is readable."""
        while not final:
            final = not self._text.follow(b"", self._sizes.block)
        return True

    def _behind(self, rest: bytearray, *, final: bool) -> Iterator[Block]:
        """Report text after the end of the array."""
        while not rest.strip(_BLANK) and not final:
            rest = self._text.follow(b"", self._sizes.block)
            final = not rest
        if rest := rest.strip(_BLANK):
            self._finish(final=final)
            yield self._broken(rest, "unexpected text after the end of the array")


def _following(value: bytearray) -> re.Pattern[bytes] | None:
    """Where the next value begins: with the same first key, and at the same indentation if it begins a line.

    Otherwise a nested list of objects ends the search, because those may begin with that key, too.
    """
    found = _FIRST_KEY.match(value)
    if found is None:
        return None
    key = rb"(?=" + re.escape(found["key"]) + rb")"
    if found["line"] is not None:
        return re.compile(
            rb"(?P<close>\}?)[ \t]*,?[ \t\r]*" + re.escape(found["line"]) + key + rb"(?P<list>(?!))?"
        )
    return re.compile(rb"(?P<close>\}?)\s*,?\s*" + key + rb"|(?P<list>\[\s*\{)")


def _cut_array(text: npt.NDArray[np.uint8], marks: Offsets, depth: Offsets, *, final: bool) -> _Cut:
    closing = np.flatnonzero(depth < 0)
    closed = bool(len(closing))
    if closed:
        marks, depth = marks[: closing[0] + 1], depth[: closing[0] + 1]
    ends = marks[(depth == 0) & (text[marks] == ord(",")) | (depth < 0)]
    if final and not closed and not depth[-1:].any() and (text[marks[-1:]] == ord("}")).all():
        ends = np.append(ends, len(text))  # cut off after a complete value
    starts = _begins(ends + 1)
    used = min(int(ends[-1]) + 1, len(text)) if len(ends) else 0
    return _Cut(*_trimmed(text, starts, ends), used=used, closed=closed)


def _begins(ends: Offsets) -> Offsets:
    """Each value begins where the one before it ended, the first at 0."""
    starts = np.zeros(len(ends), np.int64)
    starts[1:] = ends[:-1]
    return starts


def _trimmed(text: npt.NDArray[np.uint8], starts: Offsets, ends: Offsets) -> tuple[Offsets, Offsets]:
    """The values without surrounding whitespace; empty ones are left out."""
    ink = np.flatnonzero(_INK[text])
    first, last = np.searchsorted(ink, starts), np.searchsorted(ink, ends) - 1
    kept = last >= first
    return ink[first[kept]], ink[last[kept]] + 1


def _outside_strings(data: bytes | bytearray, text: npt.NDArray[np.uint8]) -> Offsets:
    """Brackets and commas outside strings. No string extends beyond its line, so that a missing quote
    affects one line only.
    """
    marks = np.flatnonzero(_MARKS[text])
    quotes = np.flatnonzero(text == ord('"'))
    if b"\\" in data:
        quotes = quotes[~_escaped(text, quotes)]
    before = np.searchsorted(quotes, marks)
    feeds = np.flatnonzero(text == ord("\n"))
    if len(feeds):
        at_line = np.concatenate([[0], np.searchsorted(quotes, feeds)])
        before = before - at_line[np.searchsorted(feeds, marks)]
    outside: np.ndarray[tuple[int], np.dtype[np.int64]] = marks[before % 2 == 0]
    return outside


def _escaped(text: npt.NDArray[np.uint8], quotes: Offsets) -> npt.NDArray[np.bool_]:
    """Which quotes follow an odd number of backslashes."""
    slashes = np.flatnonzero(text == ord("\\"))
    fresh = np.ones(len(slashes), bool)
    fresh[1:] = slashes[1:] != slashes[:-1] + 1
    runs = np.flatnonzero(fresh)
    ends = np.append(slashes[runs[1:] - 1], slashes[-1]) + 1
    odd = ends[(ends - slashes[runs]) % 2 == 1]
    return np.isin(quotes, odd)
