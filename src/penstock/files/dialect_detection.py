"""How a CSV file is written: what separates and quotes its fields, and where its table begins.

Every reading is judged by how many records have the same number of fields, and by how many of these fields are values:
under a wrong reading, fields contain the true delimiter or stray quotes. The first block decides where one reading is
clearly best in it, else the whole file does, in bounded memory.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from penstock.files.blocks import Block, Sizes, Text, read_blocks
from penstock.files.decoding import Encoding, opened
from penstock.files.dialects import shown, written
from penstock.files.first_record import is_typed, weigh_first
from penstock.files.record_splitter import Dialect, Offsets
from penstock.files.stored_file import StoredFile
from penstock.model.errors import SourceError

DELIMITERS = (",", ";", "\t", "|", "^", "\x01")
_SAMPLE = Sizes(block=1 << 19, record=1 << 18)
_LINES = 500  # records of the first block that are taken apart
_FURTHER = 100  # of every further block
_CHARACTERS = 1 << 17  # of the first block that are taken apart
_BELOW = 100  # records below a header that are compared with it
_PREAMBLE = 40  # records that may precede the table
_CLEAR = 0.8  # the second best reading has at most this share of the best one's score
_SHARE = 0.7  # of the records have the usual number of fields
_SURE = 0.95
_HALF = 0.5
_MISMATCH = 0.5  # what a first record of another width leaves of a score
_FEW = 3
_QUOTES = ('"', "'", None)


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
class _Reading:
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

    def of(self, head: bytearray) -> _Reading:
        """With what the first lines of a file show."""
        ended = head.endswith((b"\n", b"\r"))  # or the last record would come in a block of its own
        return self.through(_Memory(head if ended else head + b"\n"))

    def through(self, text: Text) -> _Reading:
        """With what a text shows."""
        for block in read_blocks(text, self.dialect, _SAMPLE, skip=self.skip):
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
            widths, counts = np.unique(_count_fields(block.keep(rest), self.dialect), return_counts=True)
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

    def quotes_better(self, than: _Reading) -> bool:
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


def detect_layout(
    file: StoredFile,
    encoding: Encoding,
    candidates: Sequence[Dialect],
    *,
    skip_rows: int = 0,
    preamble: bool = True,
) -> Layout:
    """How the file is written.

    Args:
        candidates: The dialects that it may have; the usual one first.
        skip_rows: Lines before the table.
        preamble: More such lines may be found.

    Raises:
        SourceError: If two readings are equally good.
    """
    usual = candidates[0]
    with opened(file, encoding) as text:
        head, whole = _head(text)
    reading = _Reading(usual, skip_rows).of(head)
    if not reading.widths:
        return Layout(usual, skip_rows)
    near = [one for one in candidates[1:] if _occurs(one, head, reading)]
    if any(one.delimiter != usual.delimiter for one in candidates):
        near += [replace(one, blanks=True) for one in (usual, *near) if _is_padded(one, head, reading)]
    ordered = _ordered([reading, *(_Reading(one, skip_rows).of(head) for one in near)], preamble=preamble)
    if near and not whole and not _is_clear(ordered):
        best = ordered[0].score
        ordered = _ordered(
            [
                _read(file, encoding, _Reading(one.dialect, skip_rows))
                for one in ordered
                if one.score >= best * _HALF or one.dialect.delimiter == usual.delimiter
            ],
            preamble=preamble,
        )
    return _chosen(file, ordered, usual).layout()


def _head(text: Text) -> tuple[bytearray, bool]:
    """The first lines of a text, and whether they are all of it."""
    head = text.follow(b"", _SAMPLE.block)
    while len(head) < _SAMPLE.block or not head.strip(b"\r\n"):
        read = len(head)
        head = text.follow(head, _SAMPLE.block)
        if len(head) == read:
            return head, True
    cut = max(head.rfind(b"\n"), head.rfind(b"\r")) + 1
    return head[:cut] if cut else head, False


@dataclass(slots=True)
class _Memory:
    """Text that was read before."""

    data: bytearray

    def follow(self, rest: bytes | bytearray, size: int) -> bytearray:  # noqa: ARG002
        """See :class:`penstock.files.blocks.Text`."""
        following = bytearray(rest) + self.data
        self.data = bytearray()
        return following


def _read(file: StoredFile, encoding: Encoding, reading: _Reading) -> _Reading:
    with opened(file, encoding) as text:
        return reading.through(text)


def _occurs(dialect: Dialect, head: bytearray, usual: _Reading) -> bool:
    """Whether a dialect may be the file's: its delimiter comes once in every other record, its quote around fields."""
    delimiter, records = dialect.delimiter.encode(), max(1, usual.widths.total() + usual.broken)
    enough = min(records, head.count(b"\n") + 1) * _HALF
    if usual.width <= 1:  # much of it may be a preamble
        enough *= _HALF
    if head.count(delimiter) < enough:
        return False
    if dialect.quote == usual.dialect.quote:
        return True
    if dialect.quote is None:  # some quotes are text
        return b'"' in head and (usual.dirty or usual.broken > 0)
    quote = dialect.quote.encode()
    opens = any(mark + pad + quote in head for mark in (delimiter, b"\n") for pad in (b"", b" "))
    return opens and any(quote + mark in head for mark in (delimiter, b"\n", b"\r"))


def _is_padded(dialect: Dialect, head: bytearray, usual: _Reading) -> bool:
    """Whether a blank follows the delimiter in the first line, and once in every other record."""
    padded = dialect.delimiter.encode() + b" "
    if dialect.delimiter not in ",;" or head.count(padded) < usual.widths.total() * _HALF:
        return False
    return padded in head.lstrip(b"\r\n").splitlines()[0] or usual.skipped > 0 or len(usual.rows[0]) == 1


def _ordered(readings: Sequence[_Reading], *, preamble: bool) -> list[_Reading]:
    for one in readings:
        if preamble:
            one.begin()
        elif one.rows:
            one.fits = len(one.rows[0]) == one.width
    return sorted(_without_worse_quotes(readings), key=lambda one: (not one.stands, -one.score))


def _is_clear(ordered: Sequence[_Reading]) -> bool:
    best = ordered[0]
    return (
        best.stands and best.share >= _SURE and (len(ordered) == 1 or ordered[1].score <= _CLEAR * best.score)
    )


def _chosen(file: StoredFile, ordered: Sequence[_Reading], usual: Dialect) -> _Reading:
    fallback = next(
        one
        for one in ordered
        if one.dialect.delimiter == usual.delimiter and one.dialect.blanks == usual.blanks
    )
    best, *others = ordered
    if not best.stands:
        doubtful = best.dialect != usual and best.width > 1 and best.share_below >= _SURE
        if doubtful and fallback.width <= 1:
            raise SourceError(
                f"'{file.name}' may be one column, or its fields may be separated by {shown(written(best.dialect))}"
                ": the first line has a different number of fields than the rest",
                hint=f"pass --delimiter {shown(written(best.dialect))} or --delimiter {shown(usual.delimiter)},"
                " or --skip-rows N if N lines precede the table",
            )
        return fallback
    if best.dialect.blanks or any(one.dialect.blanks for one in others):
        best, others = _padded_or_not(best, others)
    rival = next((one for one in others if one.stands and one.score > _CLEAR * best.score), None)
    if rival is None:
        return best
    if rival.rows == best.rows:
        return fallback if fallback in (best, rival) else best
    raise _ambiguous(file, best.dialect, rival.dialect)


def _without_worse_quotes(readings: Sequence[_Reading]) -> list[_Reading]:
    """The readings, but of those that differ in the quote alone only the best."""
    kept: dict[tuple[str, bool], _Reading] = {}
    for one in sorted(
        readings, key=lambda one: _QUOTES.index(one.dialect.quote) if one.dialect.quote in _QUOTES else 0
    ):
        way = (one.dialect.delimiter, one.dialect.blanks)
        if way not in kept or one.quotes_better(than=kept[way]):
            kept[way] = one
    return [one for one in readings if one in kept.values()]


def _padded_or_not(best: _Reading, others: Sequence[_Reading]) -> tuple[_Reading, list[_Reading]]:
    """Of the two readings that differ in the blanks after delimiters alone, the right one."""
    twin = next(
        (one for one in others if replace(one.dialect, blanks=best.dialect.blanks) == best.dialect), None
    )
    if twin is None:
        return best, list(others)
    padded, plain = (best, twin) if best.dialect.blanks else (twin, best)
    cells = [cell for row in plain.rows for cell in row[1:] if cell]
    everywhere = sum(cell[0] == " " for cell in cells) >= _SURE * len(cells)
    better = padded.score * _CLEAR > plain.score
    right = padded if padded.stands and (everywhere or better) else plain
    return right, [one for one in others if one not in (padded, plain)]


def _ambiguous(file: StoredFile, one: Dialect, other: Dialect) -> SourceError:
    if written(one) != written(other):
        return SourceError(
            f"the fields of '{file.name}' may be separated by {shown(written(one))} or by {shown(written(other))}",
            hint=f"pass --delimiter {shown(written(one))} or --delimiter {shown(written(other))}",
        )
    first, second = (_quote(dialect.quote) for dialect in (one, other))
    return SourceError(
        f"the fields of '{file.name}' may be quoted by {first} or by {second}",
        hint=f"pass --quote {first} or --quote {second}",
    )


def _quote(quote: str | None) -> str:
    return {None: '""', '"': "'\"'", "'": '"\'"'}.get(quote, f"'{quote}'")


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


def _count_fields(block: Block, dialect: Dialect) -> Offsets:
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


def candidates(usual: Dialect, *, delimiter: bool, quote: bool) -> Iterator[Dialect]:
    """The dialects that a file may have, the usual one first.

    Args:
        delimiter: It is to be detected.
        quote: It is to be detected.
    """
    delimiters = (
        [usual.delimiter, *(one for one in DELIMITERS if one != usual.delimiter)]
        if delimiter
        else [usual.delimiter]
    )
    quotes = (
        [usual.quote, *(one for one in ('"', "'", None) if one != usual.quote)] if quote else [usual.quote]
    )
    for q in quotes:
        for d in delimiters:
            if d != q:
                yield Dialect(d, q, usual.blanks and d == usual.delimiter)


__all__ = ["DELIMITERS", "Layout", "candidates", "detect_layout", "split_fields"]
