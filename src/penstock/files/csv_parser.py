"""Parses records into fields with Arrow, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from penstock.files.blocks import Block
from penstock.files.decoding import Encoding
from penstock.files.footer import count_footers
from penstock.files.record_splitter import Dialect
from penstock.files.record_text import (
    RecordTexts,
    bad_records,
    glued_records,
    is_text,
    reject_bad,
    reject_broken,
)
from penstock.model.errors import SourceError
from penstock.model.result import Reason, Reject
from penstock.ports import Batch

# A block of very short records is parsed as several batches.
_BATCH_ROWS = 100_000

_BOM = "\ufeff"
_ABOVE = 100  # rows that the last ones are compared with

_GLUED_MESSAGE = "text follows the closing quote of a field"
_FOOTER_MESSAGE = "looks like a footer: --footer N leaves out the last N lines, --footer 0 loads such rows"


@dataclass(frozen=True, slots=True)
class RowRules:
    """Which records are rows.

    Args:
        header: The header line, if rows that repeat it are to be rejected.
        pad: Records with too few fields have none in the columns that they lack, instead of being rejected.
        footer: Reject rows at the end that look like a footer.
    """

    header: Sequence[str] = ()
    pad: bool = False
    footer: bool = False


class FieldParser:
    """Parses the blocks of one file into batches.

    Args:
        file: Index of the file among the source's files.
        names: The columns in the file's order.
        columns: The columns in the batch's order.
    """

    def __init__(
        self,
        file: int,
        names: tuple[str, ...],
        columns: tuple[str, ...],
        dialect: Dialect,
        encoding: Encoding,
        rules: RowRules,
    ) -> None:
        self._file = file
        self._names = names
        self._columns = columns
        self._dialect = dialect
        self._encoding = encoding
        self._rules = rules
        self._above: list[tuple[str | None, ...]] = []
        self._conversion = arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.large_string()),
            include_columns=list(columns),
            strings_can_be_null=True,
            null_values=[""],
            quoted_strings_can_be_null=False,
            check_utf8=False,  # is_text has checked the whole block, in a twentieth of the time
        )

    def parse(self, block: Block, *, last: bool = False) -> Iterator[Batch]:
        """The rows of a block. A blank line is a row only if there is a single column.

        Args:
            last: No other block follows.
        """
        rejects = reject_broken(self._file, block, self._encoding)
        if len(self._names) > 1:
            block = block.keep(block.ends > block.starts)
        bad = [] if is_text(block) else bad_records(block)
        if bad or len(block.glued) or block.left_out:
            block = self._without_bad(block, bad, rejects)
        rows, ragged = self._fields(memoryview(block.data)[block.begin : block.end])
        if self._rules.pad and any(count < len(self._names) for count in ragged.values()):
            rows, ragged = self._fields(self._padded(block, ragged))
        if rows.num_rows + len(ragged) != len(block.starts):
            raise SourceError(
                f"{len(block.starts)} records from line {block.lines[0]} on, but {rows.num_rows + len(ragged)} rows",
                hint="this is an error in Penstock: please report it with these lines",
            )
        block = self._without_ragged(block, ragged, rejects)
        if self._rules.header:
            block, rows = self._without_headers(block, rows, rejects)
        if self._rules.footer:
            block, rows = self._without_footer(block, rows, rejects, last=last)
        rejects.sort(key=lambda reject: reject.line)
        return self._batches(block, rows, rejects)

    def _fields(self, data: memoryview) -> tuple[pa.RecordBatch, dict[int, int]]:
        """The rows, and the number of fields of each record that does not fit, by position."""
        ragged: dict[int, int] = {}

        def note(row: arrow_csv.InvalidRow) -> str:
            ragged[row.number - 1] = row.actual_columns
            return "skip"

        if not data:
            return self._no_rows(), ragged
        table = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(data)),
            # Without threads: otherwise Arrow reports invalid rows without their numbers.
            read_options=arrow_csv.ReadOptions(
                use_threads=False, block_size=len(data) + 1, column_names=self._names
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self._dialect.delimiter,
                quote_char=self._dialect.quote or False,
                ignore_empty_lines=len(self._names) > 1,
                newlines_in_values=True,
                invalid_row_handler=note,
            ),
            convert_options=self._conversion,
        )
        batches = table.to_batches()
        return (batches[0] if batches else self._no_rows()), ragged

    def _no_rows(self) -> pa.RecordBatch:
        return pa.RecordBatch.from_pylist(
            [], pa.schema([(name, pa.large_string()) for name in self._columns])
        )

    def _without_bad(self, block: Block, bad: list[int], rejects: list[Reject]) -> Block:
        """The block without the records that are not valid text, or continue a field behind its closing quote."""
        rejects.extend(
            reject_bad(self._file, int(block.lines[at]), block.record(at), self._encoding) for at in bad
        )
        glued = sorted(set(glued_records(block)).difference(bad))
        for at in glued:
            self._reject(block, at, rejects, _GLUED_MESSAGE)
        if not bad and not glued and not block.left_out:
            return block
        kept = np.ones(len(block.starts), bool)
        kept[bad + glued] = False
        return block.keep(kept).packed()

    def _without_ragged(self, block: Block, ragged: dict[int, int], rejects: list[Reject]) -> Block:
        """The block without the records that have too many or too few fields."""
        if not ragged:
            return block
        for at, count in ragged.items():
            message = f"{count} field{'s' * (count != 1)} where the header has {len(self._names)}"
            if block.record(at).startswith(b"#"):
                message += "; if lines like this are comments, pass --comment '#'"
            self._reject(block, at, rejects, message)
        kept = np.ones(len(block.starts), bool)
        kept[list(ragged)] = False
        return block.keep(kept)

    def _padded(self, block: Block, ragged: dict[int, int]) -> memoryview:
        """The records of a block, with a delimiter for each field that is not there."""
        marks = {at: self._dialect.delimiter.encode() * (len(self._names) - n) for at, n in ragged.items()}
        texts = (block.record(at) + marks.get(at, b"") + b"\n" for at in range(len(block.starts)))
        return memoryview(b"".join(texts))

    def _without_headers(
        self, block: Block, rows: pa.RecordBatch, rejects: list[Reject]
    ) -> tuple[Block, pa.RecordBatch]:
        """The rows without those that repeat the header line, as files have that were joined."""
        header = self._rules.header
        at = next((at for at, cell in enumerate(header) if cell), 0)
        column = rows.column(self._names[at])
        same = pc.equal(column, pa.scalar(header[at], column.type))
        if at == 0:  # a byte order mark of the file that was joined
            same = pc.or_kleene(same, pc.equal(column, pa.scalar(_BOM + header[0], column.type)))
        kept = np.ones(len(rows), bool)
        for place in np.flatnonzero(same.fill_null(fill_value=False).to_numpy(zero_copy_only=False)).tolist():
            row = [rows.column(name)[place].as_py() or "" for name in self._names]
            if [row[0].removeprefix(_BOM), *row[1:]] == list(header):
                kept[place] = False
                self._reject(block, place, rejects, "repeats the header")
        return (block, rows) if kept.all() else (block.keep(kept), rows.filter(pa.array(kept)))

    def _reject(self, block: Block, at: int, rejects: list[Reject], message: str) -> None:
        text = self._encoding.show(block.record(at))
        rejects.append(Reject(self._file, int(block.lines[at]), text, Reason.MALFORMED, None, message))

    def _without_footer(
        self, block: Block, rows: pa.RecordBatch, rejects: list[Reject], *, last: bool
    ) -> tuple[Block, pa.RecordBatch]:
        """The rows without those that look like a footer, at the end of the last block."""
        near = rows.slice(max(0, len(rows) - _ABOVE))
        cells = list(zip(*(column.to_pylist() for column in near.columns), strict=True))
        self._above = [*self._above, *cells][-_ABOVE:]
        begin = len(rows) - min(count_footers(self._above), len(rows)) if last else len(rows)
        if begin == len(rows):
            return block, rows
        for at in range(begin, len(rows)):
            self._reject(block, at, rejects, _FOOTER_MESSAGE)
        return block.keep(np.arange(len(rows)) < begin), rows.slice(0, begin)

    def _batches(self, block: Block, rows: pa.RecordBatch, rejects: list[Reject]) -> Iterator[Batch]:
        parts = max(1, -(-rows.num_rows // _BATCH_ROWS))
        for part in range(parts):
            begin, end = (rows.num_rows * bound // parts for bound in (part, part + 1))
            if begin == end and not rejects and not block.left_out:
                continue
            piece = slice(begin, end)
            texts = RecordTexts(block.data, block.starts[piece], block.ends[piece], self._encoding)
            lines, left_out = block.lines[piece], 0 if part else block.left_out
            yield Batch(self._file, rows.slice(begin, end - begin), lines, texts, rejects, left_out=left_out)
            rejects = []
