"""One reading of a CSV file: its records under one dialect, and how well they fit a table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from penstock.files.blocks import Block, Sizes, Text, read_blocks
from penstock.files.first_record import is_typed, weigh_first
from penstock.files.record_splitter import Dialect, Offsets

DELIMITERS = (",", ";", "\t", "|", "^", "\x01")
SAMPLE = Sizes(block=1 << 19, record=1 << 18)
_LINES = 500  # records of the first block that are taken apart
_FURTHER = 100  # of every further block
_CHARACTERS = 1 << 17  # of the first block that are taken apart
_BELOW = 100  # records below a header that are compared with it
_PREAMBLE = 40  # records that may precede the table
_SHARE = 0.7  # of the records have the usual number of fields
_SURE = 0.95
_HALF = 0.5
_MISMATCH = 0.5  # what a first record of another width leaves of a score
_FEW = 3


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is written.

    Args:
        skip_rows: Lines before the table.
        rows: Some of its records, the first included.
    """

    dialect: Dialect
    skip_rows: int = 0
    rows: Sequence[Sequence[str]] = ()


@dataclass(slots=True, eq=False)
class Reading:
    """What is seen of a file under one dialect."""

    dialect: Dialect
    skip: int = 0
    widths: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    cells: int = 0
    values: float = 0.0
    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    skipped: int = 0
    fits: bool = True
    dirty: bool = False
    quoted: int = 0
    glued: int = 0
    forced: int = 0

    def of(self, head: bytearray) -> Reading:
        """With what the first lines of a file show."""
        ended = head.endswith((b"\n", b"\r"))  # or the last record would come in a block of its own
        return self.through(_Memory(head if ended else head + b"\n"))

    def through(self, text: Text) -> Reading:
        """With what a text shows."""
        for block in read_blocks(text, self.dialect, SAMPLE, skip=self.skip):
            self.add(block)
        return self

    def add(self, block: Block) -> None:
        """Count a block's fields, and look at some of them."""
        self.broken += block.broken is not None
        self.glued += len(block.glued)
        block = block.keep(block.ends > block.starts)
        if not len(block.starts):
            return
        first = not self.rows
        taken = self._taken(block, first=first)
        self._look(block, taken, first=first)
        if self.dirty:  # quotes within fields: only those that were taken apart are counted right
            return
        rest = np.ones(len(block.starts), bool)
        rest[taken] = False
        if rest.any():
            widths, counts = np.unique(count_fields(block.keep(rest), self.dialect), return_counts=True)
            self.widths.update(dict(zip(widths.tolist(), counts.tolist(), strict=True)))

    def _taken(self, block: Block, *, first: bool) -> Offsets:
        count = len(block.starts)
        if not first:
            return np.unique(np.linspace(0, count - 1, min(count, _FURTHER)).astype(np.int64))
        within = int(np.searchsorted(block.ends, block.starts[0] + _CHARACTERS))
        return np.arange(max(1, min(count, _LINES, within)))

    def _look(self, block: Block, taken: Offsets, *, first: bool) -> None:
        quote = self.dialect.quote
        for at in taken.tolist():
            text = block.record(at).decode("utf-8", "replace")
            found = split_fields(text, self.dialect)
            self.widths[len(found)] += 1
            self.values += sum(_value(cell, self.dialect.delimiter, quoted=quoted) for cell, quoted in found)
            self.cells += len(found)
            self.quoted += sum(quoted for _, quoted in found)
            self.dirty |= quote is not None and any(quote in cell for cell, quoted in found if not quoted)
            if first:
                self.rows.append([cell for cell, _ in found])
                self.lines.append(int(block.lines[at]))

    @property
    def width(self) -> int:
        """How many fields most records have."""
        if self.forced:
            return self.forced
        return max(self.widths.items(), key=lambda item: (item[1], item[0]))[0] if self.widths else 0

    @property
    def share(self) -> float:
        """Of the records of the table, those of the usual width."""
        records = self.widths.total() + self.broken - self.skipped
        return self.widths[self.width] / records if records > 0 else 0.0

    @property
    def share_below(self) -> float:
        """The same, without the first record."""
        records = self.widths.total() + self.broken - 1
        return self.widths[self.width] / records if records > 0 else 0.0

    @property
    def score(self) -> float:
        """How well the file reads; 0 where it has one column."""
        if self.width <= 1 or not self.cells:
            return 0.0
        return self.share * (self.values / self.cells) * (1 if self.fits else _MISMATCH)

    @property
    def stands(self) -> bool:
        """Whether it may be the reading of the file."""
        return self.width > 1 and self.fits and self.share >= _SHARE

    def begin(self) -> None:
        """Find where the table begins."""
        widths = [len(row) for row in self.rows]
        if self.width <= 1 and widths and widths[-1] > 1:
            self._end_wide(widths)
        width = self.width
        if not self.rows or width <= 1:
            return
        marked = self._comments()
        if marked and widths[marked] == width and self._is_header(marked):
            self.skipped = marked
            return
        if widths[0] == width and not self._is_title(0):
            return
        fitting = [
            at for at in range(min(len(widths), _PREAMBLE)) if widths[at] == width and not self._is_title(at)
        ]
        # A line above the table may have as many fields by chance.
        start = max(fitting[:_FEW], key=self._evidence, default=0)
        if start and self._is_header(start):
            self.skipped = start
            return
        self.fits = widths[0] == width

    def _comments(self) -> int:
        """How many of the first records begin with ``#``, if a record without follows."""
        count = next((at for at, row in enumerate(self.rows) if not self._is_comment(row)), 0)
        return count if count <= _PREAMBLE else 0

    def _is_comment(self, row: Sequence[str]) -> bool:
        """Whether a record begins with ``#``; one of the usual width may be a header: ``#id,name``."""
        return row[0][:1] == "#" and (len(row) != self.width or row[0][1:2] in tuple(" #-="))

    def _end_wide(self, widths: Sequence[int]) -> None:
        """Look for a short table below a long preamble."""
        start = next((at for at, width in enumerate(widths) if width > 1), 0)
        if (
            0 < start <= _PREAMBLE
            and len(set(widths[start:])) == 1
            and len(widths) > start + 1
            and self._is_header(start)
        ):
            self.forced = widths[-1]

    def _is_title(self, at: int) -> bool:
        """Whether a record has but one value, and stands above records with many."""
        row = self.rows[at]
        filled = [cell for cell in row if cell.strip()]
        below = self.rows[at + 1 : at + 1 + _PREAMBLE]
        if len(row) < _FEW or len(filled) > 1 or (filled and not row[0].strip()):
            return False
        return any(sum(bool(cell.strip()) for cell in other) > len(row) // 2 for other in below)

    def _evidence(self, at: int) -> int:
        """How much a record looks like the header of those below it."""
        found = weigh_first(self.rows[at], self.rows[at + 1 : at + 1 + _BELOW])
        return found.names - found.values

    def _is_header(self, start: int) -> bool:
        """Whether the record below a preamble is a header."""
        head, rows = self.rows[start], self.rows[start + 1 : start + 1 + _BELOW]
        if len(rows) < 1 or not all(cell.strip() for cell in head[:-1]) or len(set(head)) < len(head):
            return False
        evidence = weigh_first(head, rows)
        if evidence.names > evidence.values:
            return True
        # Without types to go by, several short lines above are a preamble; one may be a damaged header.
        gap = self.lines[start] - self.lines[0] > start
        narrow = all(len(row) * 2 <= len(head) for row in self.rows[:start])
        return not evidence.values and narrow and (gap or start > 1)

    def quotes_better(self, than: Reading) -> bool:
        """Whether this reading is right, and another one of the same delimiter is not."""
        quote = self.dialect.quote
        if quote is None:  # of a quote around fields, both ends are there
            cells = [cell for row in self.rows for cell in row if cell[:1] == '"' or cell[-1:] == '"']
            paired = sum(len(cell) > 1 and cell[0] == cell[-1] for cell in cells)
            alone = len(cells) - paired
            more = self.share > than.share or (than.glued > 0 and self.share == than.share)
            return more and alone >= _FEW and alone > _FEW * max(paired, than.quoted)
        if self.share < than.share * _SURE or than.quoted:
            return False
        columns = zip(*(row for row in than.rows if len(row) == than.width), strict=False)
        torn = self.width < than.width and self.quoted > 0  # fields that the other one takes apart
        return self.share > than.share or torn or any(_is_quoted(column, quote) for column in columns)

    def layout(self) -> Layout:
        """What was found."""
        skip = self.lines[self.skipped] - 1 if self.skipped else self.skip
        return Layout(self.dialect, skip, self.rows[self.skipped :])


def _is_quoted(column: Sequence[str], quote: str) -> bool:
    """Whether every value below the first is in quotes, or one has doubled quotes within."""
    values = [cell for cell in column[1:] if cell]
    paired = [cell for cell in values if len(cell) > 1 and cell[0] == cell[-1] == quote]
    return (bool(values) and len(paired) == len(values)) or any(quote * 2 in cell[1:-1] for cell in paired)


@cache
def _pattern(delimiter: str, quote: str | None) -> re.Pattern[str]:
    d = re.escape(delimiter)
    if quote is None:
        return re.compile(rf"(?:^|{d})(?:(?!)()|([^{d}]*))")
    q = re.escape(quote)
    return re.compile(rf"(?:^|{d})(?:{q}((?:[^{q}]|{q}{q})*){q}(?={d}|\Z)|([^{d}]*))")


def split_fields(text: str, dialect: Dialect) -> list[tuple[str, bool]]:
    """The fields of one record, and whether each is quoted.

    Example:
        >>> split_fields('1;"a;b";', Dialect(";", '"'))
        [('1', False), ('a;b', True), ('', False)]
    """
    quote = dialect.quote or ""
    found = []
    for match in _pattern(dialect.delimiter, dialect.quote).finditer(text):
        if match[1] is not None:
            found.append((match[1].replace(quote * 2, quote), True))
        else:
            found.append((match[2], False))
    return found


def _value(cell: str, delimiter: str, *, quoted: bool) -> float:
    """How much a field looks like a value: 1, or less where it has the marks of another dialect."""
    if quoted or not cell:
        return 1.0
    text = cell.strip(" ")
    if is_typed(text):
        return 1.0
    if (
        (text[:1] in ('"', "'") and len(text) > 1 and text[-1] == text[0])
        or text[:1] == '"'
        or text[-1:] == '"'
    ):
        return 0.0
    worst = 1.0
    for other in DELIMITERS:
        if other == delimiter or other not in text:
            continue
        if other not in ",;" or text.count(other) != text.count(other + " "):
            return 0.0
        worst = _HALF
    return worst


def count_fields(block: Block, dialect: Dialect) -> Offsets:
    """Fields of each record of a block whose quotes are all around fields."""
    data = np.frombuffer(block.data, np.uint8, count=block.end)
    marks = np.flatnonzero(data == ord(dialect.delimiter))
    if dialect.quote is not None and dialect.quote.encode() in block.data:
        quotes = np.flatnonzero(data == ord(dialect.quote))
        at = np.searchsorted(block.starts, marks, "right") - 1
        begins = block.starts[np.maximum(at, 0)]
        inside = (np.searchsorted(quotes, marks) - np.searchsorted(quotes, begins)) % 2 == 1
        marks = marks[~inside]
    fields: Offsets = np.searchsorted(marks, block.ends) - np.searchsorted(marks, block.starts) + 1
    return fields


@dataclass(slots=True)
class _Memory:
    """Text that was read before."""

    data: bytearray

    def follow(self, rest: bytes | bytearray, size: int) -> bytearray:  # noqa: ARG002
        """See :class:`penstock.files.blocks.Text`."""
        following = bytearray(rest) + self.data
        self.data = bytearray()
        return following
