"""Splits a stream of text into blocks of whole records, in bounded memory even with unclosed quotes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from penstock.files.blank_removal import UnpaddedText
from penstock.files.record_splitter import Dialect, Offsets, first_line, split

# 2 MiB is some 25,000 rows of a typical table. Memory use grows with it, as five batches are in flight: a copy of
# 5 million rows peaks at 290, 350 and 400 MB with blocks of 1, 2 and 4 MiB, and takes 6.6, 5.8 and 5.8 s of
# processor time.
BLOCK_BYTES = 2 << 20

# Limit of a record: the search for a closing quote ends here.
RECORD_BYTES = 16 << 20

# How much of a too long line is kept in quarantine.
_KEPT_BYTES = 64 << 10


_NONE: Offsets = np.empty(0, np.int64)


class Text(Protocol):
    """A stream that blocks are read from."""

    def follow(self, rest: bytes | bytearray, size: int, /) -> bytearray:
        """Return ``rest`` followed by about ``size`` more bytes; by none at the end."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that cannot be read as a record: a quote is not closed, or it is too long."""

    line: int
    data: bytearray
    message: str


@dataclass(frozen=True, slots=True)
class Block:
    """Whole records, in order.

    Args:
        data: Holds the records between ``begin`` and ``end``, and may hold more.
        starts: Offset of each record in ``data``.
        ends: End of each record, before its line end.
        lines: Physical line on which each record begins, counted from 1.
        broken: An unreadable line before the records, if any.
        glued: Offsets of closing quotes that are followed by more text of the same field.
        left_out: Number of lines that are not among the records: comments and footers.
    """

    data: bytearray
    begin: int
    end: int
    starts: Offsets
    ends: Offsets
    lines: Offsets
    broken: Broken | None = None
    glued: Offsets = field(default_factory=lambda: _NONE)
    left_out: int = 0

    def record(self, at: int) -> bytearray:
        """The record at this position."""
        return self.data[self.starts[at] : self.ends[at]]

    def without(self, count: int) -> Block:
        """The block without its first records."""
        begin = int(self.starts[count]) if count < len(self.starts) else self.end
        return replace(
            self, begin=begin, starts=self.starts[count:], ends=self.ends[count:], lines=self.lines[count:]
        )

    def keep(self, kept: npt.NDArray[np.bool_]) -> Block:
        """The block with only these records; its data is not copied."""
        if kept.all():
            return self
        return replace(self, starts=self.starts[kept], ends=self.ends[kept], lines=self.lines[kept])

    def packed(self) -> Block:
        """The block with its data reduced to its records."""
        data = bytearray().join([self.record(at) + b"\n" for at in range(len(self.starts))])
        sizes = self.ends - self.starts + 1
        ends = np.cumsum(sizes)
        return replace(self, data=data, begin=0, end=len(data), starts=ends - sizes, ends=ends - 1)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of blocks and records, in bytes."""

    block: int = BLOCK_BYTES
    record: int = RECORD_BYTES


def no_records(broken: Broken | None = None, *, left_out: int = 0) -> Block:
    """A block without records."""
    return Block(bytearray(), 0, 0, _NONE, _NONE, _NONE, broken, left_out=left_out)


def read_blocks(text: Text, dialect: Dialect, sizes: Sizes, *, skip: int = 0) -> Iterator[Block]:
    """All records of the text.

    Args:
        skip: Lines before the first record, whatever is in them.
    """
    if dialect.blanks:
        text = UnpaddedText(text, dialect.delimiter, dialect.quote)
    rest, line, final = _skipped(text, skip, sizes), skip + 1, False
    while not final:
        buffer = text.follow(rest, sizes.block)
        final = len(buffer) == len(rest)
        while True:
            block, line = _cut(buffer, line, dialect, sizes.record, final=final)
            if len(block.starts) or block.left_out:
                yield block
            rest = buffer[block.end :]
            if not (final and rest) and len(rest) <= sizes.record + 1:
                break
            # No record begins here: skip one line, and continue after it.
            broken, buffer, final = _give_up(text, rest, line, sizes, final=final)
            line += 1
            yield no_records(broken)


def _skipped(text: Text, count: int, sizes: Sizes) -> bytearray:
    """What was read behind so many lines."""
    rest = bytearray()
    while count:
        end, following = first_line(rest)
        if following < len(rest):
            rest = rest[following:]
            count -= 1
            continue
        held = len(rest)
        rest = text.follow(rest, sizes.block)
        if len(rest) == held:  # the text ended
            return bytearray()
        if held > sizes.record:
            rest = rest[held:] if end == held else rest
    return rest


def _cut(data: bytearray, line: int, dialect: Dialect, longest: int, *, final: bool) -> tuple[Block, int]:
    """The complete records, up to one that is too long, and the next line number."""
    found = split(data, dialect, final=final)
    end = found.used
    if len(found.ends) and found.ends[-1] == len(data):
        data += b"\n"  # otherwise Arrow reads a last empty field after a quoted one as quoted, too
        end += 1
    block = Block(
        data, 0, end, found.starts, found.ends, found.lines + line, None, found.glued, found.comments
    )
    if found.used > longest:
        over = np.flatnonzero(found.ends - found.starts > longest)
        if len(over):
            at = int(over[0])
            begin = int(block.starts[at])
            before = replace(
                block,
                end=begin,
                starts=block.starts[:at],
                ends=block.ends[:at],
                lines=block.lines[:at],
                left_out=split(data[:begin], dialect, final=False).comments if found.comments else 0,
            )
            return before, int(block.lines[at])
    return block, found.used_lines + line


def _give_up(
    text: Text, rest: bytearray, line: int, sizes: Sizes, *, final: bool
) -> tuple[Broken, bytearray, bool]:
    """The first physical line, the rest, and whether the text ended."""
    end, following = first_line(rest)
    if end <= sizes.record:
        return Broken(line, rest[:end], "a quote opens here and is not closed"), rest[following:], final
    broken = Broken(
        line, rest[: min(_KEPT_BYTES, sizes.record)], f"a line of more than {sizes.record:,} bytes"
    )
    while not final and following == len(rest) and not rest.endswith(b"\n"):
        rest = rest[end:]  # keep a carriage return at the end: a line feed may follow
        buffer = text.follow(rest, sizes.block)
        final = len(buffer) == len(rest)
        rest = buffer
        end, following = first_line(rest)
    return broken, rest[following:], final
