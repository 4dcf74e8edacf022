"""CSV files: text cut into records, records taken apart by Arrow, whatever does not fit given back as rejects."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from penstock.files.blocks import Block, Sizes, no_records, read_blocks
from penstock.files.csv_parser import FieldParser, RowRules
from penstock.files.decoding import Encoding, opened
from penstock.files.dialects import dialect_of
from penstock.files.first_record import name_columns, rename_columns, require_few
from penstock.files.footer import FooterlessText
from penstock.files.record_text import find_texts, is_bad
from penstock.files.stored_file import StoredFile
from penstock.model.errors import SourceError
from penstock.model.file_options import FileOptions
from penstock.ports import Batch

_HEADER_BYTES = 64 << 10


class CsvFormat:
    """Reads CSV files.

    Raises:
        UsageError: If the options make no sense.
    """

    def __init__(self, options: FileOptions, sizes: Sizes) -> None:
        self._options = options
        self._sizes = sizes
        self._encoding = Encoding(options.encoding)
        self._table: frozenset[str] = frozenset()
        self._orders: list[tuple[str, tuple[str, ...]]] = []
        dialect_of(options, "")

    def fit(self, table: Collection[str]) -> None:
        """Name the columns for a table that has these."""
        self._table = frozenset(table)

    def header(self, files: Sequence[StoredFile]) -> tuple[str, ...]:
        """The first file's columns as they are written."""
        if self._options.header is not None:
            return self._options.header
        sizes = Sizes(min(_HEADER_BYTES, self._sizes.block), self._sizes.record)
        return tuple(self._first(files[0], sizes)[0])

    def columns(self, files: Sequence[StoredFile]) -> tuple[str, ...]:
        """The first file's columns, once all files are known to have them."""
        sizes = Sizes(min(_HEADER_BYTES, self._sizes.block), self._sizes.record)
        wanted = self._open(files[0], sizes)[1]
        self._orders = []
        for file in files[1:]:
            names = rename_columns(self._open(file, sizes)[1], wanted, file.name)
            if names != wanted:
                self._orders.append((file.name, names))
        return wanted

    def layout(self) -> dict[str, Any]:
        """The files whose columns have another order than the first file's."""
        return {"orders": tuple(self._orders)}

    def batches(self, index: int, file: StoredFile, columns: tuple[str, ...]) -> Iterator[Batch]:
        """The rows of one file, under these columns."""
        cells, names, blocks = self._open(file, self._sizes)
        names = rename_columns(names, columns, file.name)
        options = self._options
        rules = RowRules(self._header_line(cells), options.short_rows == "null", options.footer is None)
        dialect = dialect_of(options, file.name)
        parser = FieldParser(index, names, columns, dialect, self._encoding, rules)
        block = next(blocks, None)
        while block is not None:
            following = next(blocks, None)
            yield from parser.parse(block, last=following is None)
            block = following

    def raw(self, file: StoredFile, lines: Collection[int]) -> dict[int, str]:
        """The text of the records that begin at these lines."""
        return find_texts(self._blocks(file, self._sizes), lines, self._encoding)

    def _header_line(self, cells: Sequence[str]) -> Sequence[str]:
        """The header line as the copied file has it, if rows may repeat it; one word may be a row of its own."""
        if self._options.header is not None or len(cells) == 1:
            return ()
        written = dict(self._options.renamed)  # the file of exported rejects has the new names
        return [written.get(cell, cell) for cell in cells]

    def _open(self, file: StoredFile, sizes: Sizes) -> tuple[Sequence[str], tuple[str, ...], Iterator[Block]]:
        """The fields of the file's header, its columns, and the blocks behind its header."""
        cells: Sequence[str]
        if self._options.header is not None:
            cells, blocks = self._options.header, self._blocks(file, sizes)
        else:
            cells, blocks = self._first(file, sizes)
        require_few(len(cells), self._table, file.name)
        return cells, name_columns(cells, self._table), blocks

    def _first(self, file: StoredFile, sizes: Sizes) -> tuple[Sequence[str], Iterator[Block]]:
        """The fields of the first record, and the blocks behind it."""
        blocks = self._blocks(file, sizes)
        left_out = 0
        for block in blocks:
            if block.broken is not None:
                raise SourceError(
                    f"invalid header of '{file.name}': {block.broken.message}", hint="fix the header line"
                )
            left_out += block.left_out
            filled = np.flatnonzero(block.ends > block.starts)
            if len(filled):
                at = int(filled[0])
                cells = self._cells(block.record(at), file.name)
                return cells, chain([replace(block.without(at + 1), left_out=left_out)], blocks)
        raise SourceError(f"'{file.name}' is empty: no header line", hint="name its columns with --header")

    def _blocks(self, file: StoredFile, sizes: Sizes) -> Iterator[Block]:
        dialect, skip = dialect_of(self._options, file.name), self._options.skip_rows
        with opened(file, self._encoding) as text:
            if not self._options.footer:
                yield from read_blocks(text, dialect, sizes, skip=skip)
                return
            shorter = FooterlessText(text, self._options.footer)
            yield from read_blocks(shorter, dialect, sizes, skip=skip)
            yield no_records(left_out=shorter.dropped)

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

    def _split(self, data: bytearray, file: str) -> Sequence[str]:
        dialect = dialect_of(self._options, file)
        text = io.StringIO(data.decode(), newline="")
        if dialect.quote is None:
            return next(csv.reader(text, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE), [""])
        return next(csv.reader(text, delimiter=dialect.delimiter, quotechar=dialect.quote), [""])
