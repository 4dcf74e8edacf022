"""Workbooks (xlsx, xlsm, xlsb, xls, ods): a sheet as rows, each with its number in the sheet."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any, Final

import numpy as np
import pyarrow as pa

from penstock.files.first_record import name_columns, rename_columns, require_few
from penstock.files.stored_file import StoredFile
from penstock.files.workbook import Cell, FailedCell, Sheet, open_sheet
from penstock.model.errors import SourceError
from penstock.model.file_options import FileOptions
from penstock.model.result import Reason, Reject
from penstock.ports import Batch

_BATCH_ROWS = 10_000
_EXACT: Final = 2**53  # whole numbers up to here are exact in a sheet


class ExcelFormat:
    """Reads one sheet of each workbook. The last workbook stays in memory."""

    def __init__(self, options: FileOptions) -> None:
        self._options = options
        self._table: frozenset[str] = frozenset()
        self._last: tuple[str, Sheet] | None = None
        self._types: dict[str, pa.DataType] = {}

    def fit(self, table: Collection[str]) -> None:
        """Name the columns for a table that has these."""
        self._table = frozenset(table)

    def header(self, files: Sequence[StoredFile]) -> tuple[str, ...]:
        """The first file's columns as they are written."""
        return self._header(files[0])

    def columns(self, files: Sequence[StoredFile]) -> tuple[str, ...]:
        """The first file's columns, after a check that all files have them."""
        wanted = self._names(files[0])
        kinds: dict[str, set[type]] = {name: set() for name in wanted}
        for file in files:
            names = rename_columns(self._names(file), wanted, file.name)
            for _, cells in self._rows(file):
                for name, cell in zip(names, cells, strict=False):
                    kinds[name].add(_kind(cell))
        self._types = {name: _type_of(found - {type(None)}) for name, found in kinds.items()}
        return wanted

    def layout(self) -> dict[str, Any]:
        """Nothing: rejects are kept with the names of their columns."""
        return {}

    def first_rows(self, file: StoredFile, count: int) -> list[list[str]]:
        """The texts of the first rows."""
        return [[_text(cell) or "" for cell in cells] for _, cells in islice(self._open(file).rows(), count)]

    def batches(self, index: int, file: StoredFile, columns: tuple[str, ...]) -> Iterator[Batch]:
        """The rows of one file, under these columns."""
        names = rename_columns(self._names(file), columns, file.name)
        found, types = self._rows(file), self._types
        while rows := list(islice(found, _BATCH_ROWS)):
            rejects, good = [], []
            for number, cells in rows:
                wrong = next((cell for cell in cells if self._is_wrong(cell)), None)
                if wrong is None:
                    good.append((number, cells))
                    continue
                message = f"the cell {wrong.place} holds the error {wrong.text}"
                rejects.append(Reject(index, number, _raw(names, cells), Reason.BAD_TYPE, None, message))
            arrays = [
                pa.array([_converted(types[name], cells[at]) for _, cells in good], types[name])
                for at, name in enumerate(names)
            ]
            lines = np.array([number for number, _ in good], np.int64)
            batch = pa.RecordBatch.from_arrays(arrays, list(names)).select(columns)
            yield Batch(index, batch, lines, _RowTexts(names, [cells for _, cells in good]), rejects)

    def raw(self, file: StoredFile, lines: Collection[int]) -> dict[int, str]:
        """The rows of these numbers, as JSON."""
        names, wanted = self._names(file), set(lines)
        return {number: _raw(names, cells) for number, cells in self._rows(file) if number in wanted}

    def _is_wrong(self, cell: Cell) -> bool:
        return isinstance(cell, FailedCell) and cell.text not in (self._options.null_values or ())

    def _names(self, file: StoredFile) -> tuple[str, ...]:
        cells = self._header(file)
        require_few(len(cells), self._table, file.name)
        return name_columns(cells, self._table)

    def _header(self, file: StoredFile) -> tuple[str, ...]:
        _, first = next(self._open(file).rows())
        if self._options.header is None:
            return tuple(_text(cell) or "" for cell in first)
        if len(self._options.header) != len(first):
            raise SourceError(
                f"'{file.name}' has {len(first)} columns, --header names {len(self._options.header)}",
                hint="name each column of the sheet",
            )
        return self._options.header

    def _rows(self, file: StoredFile) -> Iterator[tuple[int, list[Cell]]]:
        return islice(self._open(file).rows(), int(self._options.header is None), None)

    def _open(self, file: StoredFile) -> Sheet:
        if self._last is None or self._last[0] != file.name:
            self._last = None
            self._last = file.name, open_sheet(file, self._options)
        return self._last[1]


@dataclass(frozen=True, slots=True)
class _RowTexts:
    names: Sequence[str]
    rows: Sequence[list[Cell]]

    def __call__(self, positions: Sequence[int]) -> list[str]:
        return [_raw(self.names, self.rows[at]) for at in positions]


def _kind(cell: Cell) -> type:
    if isinstance(cell, FailedCell) or cell == "":
        return type(None)
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return int if float(cell).is_integer() and abs(cell) <= _EXACT else float
    return type(cell)


def _type_of(kinds: set[type]) -> pa.DataType:
    """The type of a column with values of these; texts stay texts, whatever they look like."""
    if kinds and kinds <= {int, float}:
        return pa.int64() if kinds == {int} else pa.float64()
    if kinds and kinds <= {date, datetime}:
        return pa.date32() if kinds == {date} else pa.timestamp("us")
    return pa.bool_() if kinds == {bool} else pa.string()


def _converted(type_: pa.DataType, cell: Cell) -> Cell:
    if cell == "" or isinstance(cell, FailedCell):
        return None
    if pa.types.is_string(type_):
        return _text(cell)
    if pa.types.is_timestamp(type_) and not isinstance(cell, datetime):
        return datetime.combine(cell, time())
    return int(cell) if pa.types.is_integer(type_) else cell


def _text(cell: Cell) -> str | None:
    if isinstance(cell, str):
        return cell or None
    if isinstance(cell, FailedCell):
        return cell.text
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        minutes, seconds = divmod(cell, timedelta(minutes=1))
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds.total_seconds():09.6f}".removesuffix(".000000")
    return str(int(cell)) if _kind(cell) is int else repr(cell)


def _raw(names: Sequence[str], cells: Sequence[Cell]) -> str:
    return json.dumps(dict(zip(names, map(_value, cells), strict=True)), ensure_ascii=False)


def _value(cell: Cell) -> object:
    if isinstance(cell, bool) or _kind(cell) is float:
        return cell
    return int(cell) if _kind(cell) is int else _text(cell)
