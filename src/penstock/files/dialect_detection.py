"""How a CSV file is written: what separates and quotes its fields, and where its table begins.

Every reading is judged by how many records have the same number of fields, and by how many of these fields are values:
under a wrong reading, fields contain the true delimiter or stray quotes. The first block decides where one reading is
clearly best in it, else the whole file does, in bounded memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from penstock.files.blocks import Text
from penstock.files.decoding import Encoding, opened
from penstock.files.dialect_reading import DELIMITERS, SAMPLE, Layout, Reading, split_fields
from penstock.files.dialects import shown, written
from penstock.files.first_record import First, is_typed, judge_first
from penstock.files.footer import FooterlessText
from penstock.files.record_splitter import Dialect
from penstock.files.stored_file import StoredFile
from penstock.model.errors import SourceError

_CLEAR = 0.8  # the second best reading has at most this share of the best one's score
_SURE = 0.95
_HALF = 0.5
_FEW = 3
_QUOTES = ('"', "'", None)


def detect_layout(
    file: StoredFile,
    encoding: Encoding,
    candidates: Sequence[Dialect],
    *,
    skip_rows: int = 0,
    footer: int = 0,
    preamble: bool = True,
) -> Layout:
    """How the file is written.

    Args:
        candidates: The dialects that it may have; the usual one first.
        skip_rows: Lines before the table.
        footer: Lines below it.
        preamble: More such lines may be found.

    Raises:
        SourceError: If two readings are equally good.
    """
    usual = candidates[0]
    with opened(file, encoding) as text:
        head, whole = _head(FooterlessText(text, footer))
    reading = Reading(usual, skip_rows).of(head)
    if not reading.widths:
        return Layout(usual, skip_rows)
    near = [one for one in candidates[1:] if _occurs(one, head, reading)]
    if any(one.delimiter != usual.delimiter for one in candidates):
        near += [replace(one, blanks=True) for one in (usual, *near) if _is_padded(one, head, reading)]
    ordered = _ordered([reading, *(Reading(one, skip_rows).of(head) for one in near)], preamble=preamble)
    if near and not whole and not _is_clear(ordered):
        best = ordered[0].score
        ordered = _ordered(
            [
                _read(file, encoding, Reading(one.dialect, skip_rows), footer)
                for one in ordered
                if one.score >= best * _HALF or one.dialect.delimiter == usual.delimiter
            ],
            preamble=preamble,
        )
    chosen = _chosen(file, ordered, usual)
    if chosen.width <= 1 and any(one.delimiter != usual.delimiter for one in candidates):
        chosen = _by_colons(file, encoding, chosen, footer)
    return chosen.layout()


def _by_colons(file: StoredFile, encoding: Encoding, one: Reading, footer: int) -> Reading:
    """The reading of a file that may be one column: by colons if there are many, or the first line then is a header.

    Colons are tried last, as they are in times and addresses.

    Raises:
        SourceError: If the first line may be a row.
    """
    colons = _read(file, encoding, Reading(replace(one.dialect, delimiter=":"), one.skip), footer)
    if colons.width <= 1 or colons.share < _SURE or len(colons.rows[0]) != colons.width:
        return one
    if len(colons.rows) < _FEW or sum(is_typed(row[0]) for row in one.rows) * 2 >= len(one.rows):
        return one
    first, *rows = colons.rows
    if colons.width > _FEW or (judge_first(first, rows) is First.HEADER and not any(map(is_typed, first))):
        return colons
    raise _ambiguous(file, colons.dialect, one.dialect)


def _head(text: Text) -> tuple[bytearray, bool]:
    """The first lines of a text, and whether they are all of it."""
    head = text.follow(b"", SAMPLE.block)
    while len(head) < SAMPLE.block or not head.strip(b"\r\n"):
        read = len(head)
        head = text.follow(head, SAMPLE.block)
        if len(head) == read:
            return head, True
    cut = max(head.rfind(b"\n"), head.rfind(b"\r")) + 1
    return head[:cut] if cut else head, False


def _read(file: StoredFile, encoding: Encoding, reading: Reading, footer: int) -> Reading:
    with opened(file, encoding) as text:
        return reading.through(FooterlessText(text, footer))


def _occurs(dialect: Dialect, head: bytearray, usual: Reading) -> bool:
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


def _is_padded(dialect: Dialect, head: bytearray, usual: Reading) -> bool:
    """Whether a blank follows the delimiter in the first line, and once in every other record."""
    padded = dialect.delimiter.encode() + b" "
    if dialect.delimiter not in ",;" or head.count(padded) < usual.widths.total() * _HALF:
        return False
    return padded in head.lstrip(b"\r\n").splitlines()[0] or usual.skipped > 0 or len(usual.rows[0]) == 1


def _ordered(readings: Sequence[Reading], *, preamble: bool) -> list[Reading]:
    for one in readings:
        if preamble:
            one.begin()
        elif one.rows:
            one.fits = len(one.rows[0]) == one.width
    return sorted(_without_worse_quotes(readings), key=lambda one: (not one.stands, -one.score))


def _is_clear(ordered: Sequence[Reading]) -> bool:
    best = ordered[0]
    return (
        best.stands and best.share >= _SURE and (len(ordered) == 1 or ordered[1].score <= _CLEAR * best.score)
    )


def _chosen(file: StoredFile, ordered: Sequence[Reading], usual: Dialect) -> Reading:
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


def _without_worse_quotes(readings: Sequence[Reading]) -> list[Reading]:
    """The readings, but of those that differ in the quote alone only the best."""
    kept: dict[tuple[str, bool], Reading] = {}
    for one in sorted(
        readings, key=lambda one: _QUOTES.index(one.dialect.quote) if one.dialect.quote in _QUOTES else 0
    ):
        way = (one.dialect.delimiter, one.dialect.blanks)
        if way not in kept or one.quotes_better(than=kept[way]):
            kept[way] = one
    return [one for one in readings if one in kept.values()]


def _padded_or_not(best: Reading, others: Sequence[Reading]) -> tuple[Reading, list[Reading]]:
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
                yield Dialect(d, q, usual.blanks and d == usual.delimiter, usual.comment)


__all__ = ["DELIMITERS", "Layout", "candidates", "detect_layout", "split_fields"]
