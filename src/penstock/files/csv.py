"""CSV files: text cut into records, records taken apart by Arrow, whatever does not fit given back as rejects."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice

import numpy as np

from penstock.files.blocks import Block, Sizes, read_blocks
from penstock.files.csv_parser import FieldParser
from penstock.files.decoding import Encoding, opened
from penstock.files.first_record import First, judge_first
from penstock.files.headers import name_columns, rename_columns
from penstock.files.record_splitter import Dialect
from penstock.files.record_text import find_texts, is_bad
from penstock.files.stored_file import StoredFile
from penstock.model.errors import SourceError
from penstock.model.plan import FileOptions
from penstock.ports import Batch

_TABS = (".tsv", ".tab")
_HEADER_BYTES = 64 << 10
_LOOKED_AT = 500
_OTHERS = {";": ";", "|": "|", "\t": "\\t"}


class CsvFormat:
    """Reads CSV files.

    Raises:
        UsageError: If the options make no sense.
    """

    def __init__(self, options: FileOptions, sizes: Sizes) -> None:
        self._options = options
        self._sizes = sizes
        self._encoding = Encoding(options.encoding)
        self._dialect("")

    def columns(self, files: Sequence[StoredFile]) -> tuple[str, ...]:
        """The first file's columns, once all files are known to have them."""
        sizes = Sizes(min(_HEADER_BYTES, self._sizes.block), self._sizes.record)
        wanted, _ = self._open(files[0], sizes)
        for file in files[1:]:
            names, _ = self._open(file, sizes)
            rename_columns(names, wanted, file.name)
        return wanted

    def require_header(self, files: Sequence[StoredFile]) -> None:
        """Raises SourceError if the first record is one column that others seem to be in, or is like the rows."""
        if self._options.header is not None:
            return
        file = files[0]
        cells, blocks = self._first(file, Sizes(min(_HEADER_BYTES, self._sizes.block), self._sizes.record))
        if self._options.delimiter is None and len(cells) == 1:
            for delimiter, written in _OTHERS.items():
                if delimiter in cells[0]:
                    raise SourceError(
                        f"'{file.name}' has one column, {cells[0]!r}, if a comma separates its fields",
                        hint=f"say what separates them: --delimiter '{written}'",
                    )
        rows = list(islice(self._rows(blocks, file.name), _LOOKED_AT))
        if judge_first(cells, rows) is First.DATA:
            raise SourceError(
                f"the first line of '{file.name}' looks like data, not like a header: {', '.join(cells)[:200]}",
                hint="name the columns with --header a,b,c; if it is the header, create the table first",
            )

    def batches(self, index: int, file: StoredFile, columns: tuple[str, ...]) -> Iterator[Batch]:
        """The rows of one file, under these columns."""
        names, blocks = self._open(file, self._sizes)
        names = rename_columns(names, columns, file.name)
        parser = FieldParser(index, names, columns, self._dialect(file.name), self._encoding)
        for block in blocks:
            yield from parser.parse(block)

    def raw(self, file: StoredFile, lines: Collection[int]) -> dict[int, str]:
        """The text of the records that begin at these lines."""
        return find_texts(self._blocks(file, self._sizes), lines, self._encoding)

    def _open(self, file: StoredFile, sizes: Sizes) -> tuple[tuple[str, ...], Iterator[Block]]:
        """The file's columns, and the blocks behind its header."""
        if self._options.header is not None:
            return name_columns(self._options.header, file.name), self._blocks(file, sizes)
        cells, blocks = self._first(file, sizes)
        return name_columns(cells, file.name), blocks

    def _first(self, file: StoredFile, sizes: Sizes) -> tuple[Sequence[str], Iterator[Block]]:
        """The fields of the first record, and the blocks behind it."""
        blocks = self._blocks(file, sizes)
        for block in blocks:
            if block.broken is not None:
                raise SourceError(
                    f"invalid header of '{file.name}': {block.broken.message}", hint="fix the header line"
                )
            filled = np.flatnonzero(block.ends > block.starts)
            if len(filled):
                at = int(filled[0])
                cells = self._cells(block.record(at), file.name)
                return cells, chain([block.without(at + 1)], blocks)
        raise SourceError(f"'{file.name}' is empty: no header line", hint="name its columns with --header")

    def _blocks(self, file: StoredFile, sizes: Sizes) -> Iterator[Block]:
        with opened(file, self._encoding) as text:
            yield from read_blocks(text, self._dialect(file.name), sizes)

    def _cells(self, data: bytearray, file: str) -> Sequence[str]:
        if is_bad(data):
            raise SourceError(
                f"the header of '{file}' is not valid {self._encoding.name}: {self._encoding.show(data)[:200]}",
                hint="name the encoding with --encoding",
            )
        try:
            return self._split(data, file)
        except csv.Error as error:
            raise SourceError(
                f"invalid header of '{file}': {error}", hint="name the columns with --header"
            ) from error

    def _rows(self, blocks: Iterator[Block], file: str) -> Iterator[Sequence[str]]:
        """The fields of the records that can be taken apart."""
        for block in blocks:
            for at in range(len(block.starts)):
                with suppress(csv.Error, UnicodeDecodeError):
                    yield self._split(block.record(at), file)

    def _split(self, data: bytearray, file: str) -> Sequence[str]:
        dialect = self._dialect(file)
        text = io.StringIO(data.decode(), newline="")
        if dialect.quote is None:
            return next(csv.reader(text, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE), [""])
        return next(csv.reader(text, delimiter=dialect.delimiter, quotechar=dialect.quote), [""])

    def _dialect(self, file: str) -> Dialect:
        delimiter = self._options.delimiter
        if delimiter is None:
            stem = file.lower().removesuffix(".gz").removesuffix(".zst").removesuffix(".zip")
            delimiter = "\t" if stem.endswith(_TABS) else ","
        return Dialect("\t" if delimiter == "\\t" else delimiter, self._options.quote)
