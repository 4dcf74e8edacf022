"""Parquet files: rows in their own types; nested values become JSON text."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from penstock.engine.cleaning.value_errors import Fault
from penstock.files.first_record import name_columns, rename_columns
from penstock.files.parquet_values import flat, row_texts
from penstock.files.record_splitter import Offsets
from penstock.files.stored_file import StoredFile, translated
from penstock.model.errors import SourceError
from penstock.model.result import Reject
from penstock.ports import Batch

_BATCH_ROWS = 50_000
_BUFFER_BYTES = 1 << 20


class ParquetFormat:
    """Reads Parquet files."""

    def __init__(self) -> None:
        self._table: frozenset[str] = frozenset()
        self._binary: tuple[tuple[str, int], ...] = ()

    def fit(self, table: Collection[str]) -> None:
        """Name the columns for a table that has these."""
        self._table = frozenset(table)

    def header(self, files: Sequence[StoredFile]) -> tuple[str, ...]:
        """The first file's columns as they are written."""
        with _opened(files[0]) as parquet:
            return tuple(parquet.schema_arrow.names)

    def columns(self, files: Sequence[StoredFile]) -> tuple[str, ...]:
        """The first file's columns, after a check that all files have them."""
        with _opened(files[0]) as parquet:
            schema = parquet.schema_arrow
        wanted = name_columns(schema.names, self._table)
        self._binary = tuple(
            (name, size)
            for name, size in zip(wanted, map(_size_of_bytes, schema.types), strict=True)
            if size is not None
        )
        for file in files[1:]:
            rename_columns(self._names(file), wanted, file.name)
        return wanted

    def layout(self) -> dict[str, Any]:
        r"""The columns of bytes, which are ``\x00ff`` in the text of a row."""
        return {"binary": self._binary}

    def batches(self, index: int, file: StoredFile, columns: tuple[str, ...]) -> Iterator[Batch]:
        """The rows of one file, in these columns."""
        names = rename_columns(self._names(file), columns, file.name)
        line = 1
        for found in _record_batches(file):
            parts = [flat(array) for array in found.columns]
            rows = pa.RecordBatch.from_arrays([array for array, _ in parts], names).select(columns)
            lines = np.arange(line, line + rows.num_rows)
            line += rows.num_rows
            faults: dict[int, Fault] = {}
            for _, wrong in parts:
                faults = wrong | faults
            bad = np.array(sorted(faults), np.int64)
            rejects = [
                Reject(index, int(lines[at]), text, faults[at].reason, None, faults[at].message)
                for at, text in zip(bad.tolist(), row_texts(found, bad), strict=True)
            ]
            good = np.delete(np.arange(rows.num_rows), bad)
            if rejects:
                rows = rows.take(pa.array(good))
            yield Batch(index, rows, lines[good], _RowTexts(found, good), rejects)

    def raw(self, file: StoredFile, lines: Collection[int]) -> dict[int, str]:
        """The rows of these numbers, as JSON."""
        wanted = np.unique(np.fromiter(lines, np.int64, len(lines)))
        texts: dict[int, str] = {}
        begin = 1
        for found in _record_batches(file):
            numbers = wanted[(wanted >= begin) & (wanted < begin + found.num_rows)]
            texts.update(zip(numbers.tolist(), row_texts(found, numbers - begin), strict=True))
            begin += found.num_rows
            if len(texts) == len(wanted):
                break
        return texts

    def _names(self, file: StoredFile) -> tuple[str, ...]:
        with _opened(file) as parquet:
            return name_columns(parquet.schema_arrow.names, self._table)


@dataclass(frozen=True, slots=True)
class _RowTexts:
    """The requested rows of a batch, as JSON texts."""

    found: pa.RecordBatch
    positions: Offsets

    def __call__(self, positions: Sequence[int]) -> list[str]:
        return row_texts(self.found, self.positions[np.asarray(positions, np.int64)])


@contextmanager
def _opened(file: StoredFile) -> Iterator[pq.ParquetFile]:
    stored = file.open()
    try:
        with _reading(file.name):
            parquet = pq.ParquetFile(pa.PythonFile(stored, mode="r"), buffer_size=_BUFFER_BYTES)
        for column in parquet.schema_arrow:
            if _has_empty_group(column.type):
                raise SourceError(
                    f"'{file.name}' has a group without columns in {column.name!r}, which holds no values",
                    hint="write the file without it",
                )
        yield parquet
    finally:
        stored.close()


def _record_batches(file: StoredFile) -> Iterator[pa.RecordBatch]:
    with _opened(file) as parquet:
        found = parquet.iter_batches(_BATCH_ROWS)
        empty = True
        while True:
            with _reading(file.name):
                batch = next(found, None)
            if batch is None:
                break
            empty = False
            yield batch
        if empty:  # the schema still states the types
            schema = parquet.schema_arrow
            yield pa.RecordBatch.from_arrays([pa.nulls(0, type_) for type_ in schema.types], schema=schema)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno is None:  # raised by Arrow, not by the operating system
            raise SourceError(
                f"'{name}' is a damaged Parquet file: {error}", hint="write or download the file again"
            ) from error
        with translated(name):
            raise
    except pa.ArrowNotImplementedError as error:
        raise SourceError(
            f"'{name}' uses a feature of Parquet that cannot be read: {error}",
            hint="write the file without it",
        ) from error
    except ValueError as error:  # ArrowInvalid is one
        raise SourceError(
            f"'{name}' is not a Parquet file: {error}", hint="name its format with --format"
        ) from error


def _has_empty_group(type_: pa.DataType) -> bool:
    if pa.types.is_struct(type_) and not type_.num_fields:
        return True
    return any(_has_empty_group(type_.field(at).type) for at in range(type_.num_fields))


def _size_of_bytes(type_: pa.DataType) -> int | None:
    """Bytes of a value, 0 if that varies; None if the type holds no bytes."""
    if isinstance(type_, pa.BaseExtensionType):
        return _size_of_bytes(type_.storage_type)
    if pa.types.is_dictionary(type_):
        return _size_of_bytes(type_.value_type)
    if pa.types.is_fixed_size_binary(type_):
        return int(type_.byte_width)
    varies = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    return 0 if any(matches(type_) for matches in varies) else None
