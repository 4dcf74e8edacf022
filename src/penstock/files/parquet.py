"""Parquet files: rows in their own types; nested values become JSON text."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from penstock.files.first_record import name_columns, rename_columns
from penstock.files.record_splitter import Offsets
from penstock.files.stored_file import StoredFile, translated
from penstock.model.errors import SourceError
from penstock.model.result import Reason, Reject
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
            rows = pa.RecordBatch.from_arrays([_flat(array) for array in found.columns], names).select(
                columns
            )
            lines = np.arange(line, line + rows.num_rows)
            line += rows.num_rows
            bad = _bad_rows(rows)
            rejects = [
                Reject(
                    index,
                    int(lines[at]),
                    text,
                    Reason.BAD_ENCODING,
                    None,
                    "a text that holds a NUL character",
                )
                for at, text in zip(np.flatnonzero(bad), _texts(found, np.flatnonzero(bad)), strict=True)
            ]
            good = np.flatnonzero(~bad)
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
            texts.update(zip(numbers.tolist(), _texts(found, numbers - begin), strict=True))
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
        return _texts(self.found, self.positions[np.asarray(positions, np.int64)])


def _texts(found: pa.RecordBatch, positions: Offsets) -> list[str]:
    taken = found.take(pa.array(positions, pa.int64()))
    columns = [[_shown(value) for value in _values(array)] for array in taken.columns]
    return [
        json.dumps(dict(zip(found.schema.names, row, strict=True)), ensure_ascii=False, default=_plain)
        for row in zip(*columns, strict=True)
    ]


@contextmanager
def _opened(file: StoredFile) -> Iterator[pq.ParquetFile]:
    stored = file.open()
    try:
        with _reading(file.name):
            parquet = pq.ParquetFile(pa.PythonFile(stored, mode="r"), buffer_size=_BUFFER_BYTES)
        yield parquet
    finally:
        stored.close()


def _record_batches(file: StoredFile) -> Iterator[pa.RecordBatch]:
    with _opened(file) as parquet:
        found = parquet.iter_batches(_BATCH_ROWS)
        while True:
            with _reading(file.name):
                batch = next(found, None)
            if batch is None:
                return
            yield batch


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
    except NotImplementedError as error:
        raise SourceError(
            f"'{name}' uses a feature of Parquet that cannot be read: {error}",
            hint="write the file without it",
        ) from error
    except ValueError as error:  # ArrowInvalid is one
        raise SourceError(
            f"'{name}' is not a Parquet file: {error}", hint="name its format with --format"
        ) from error


def _flat(array: pa.Array) -> pa.Array:
    """The array without dictionary and extension types, and nested values as JSON text."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        return array.dictionary_decode()
    if pa.types.is_nested(array.type):
        texts = [
            None if value is None else json.dumps(value, ensure_ascii=False, default=_plain)
            for value in _values(array)
        ]
        return pa.array(texts, pa.large_string())
    return array


def _values(array: pa.Array) -> list[object]:
    if not pa.types.is_nested(array.type):
        return array.to_pylist()  # type: ignore[no-any-return]
    try:
        return array.to_pylist(maps_as_pydicts="strict")  # type: ignore[no-any-return]
    except KeyError:
        return [_value(value) for value in array]


def _value(scalar: pa.Scalar) -> object:
    """The value of a row, in which maps become lists of pairs if one of them has a key twice."""
    try:
        return scalar.as_py(maps_as_pydicts="strict")
    except KeyError:
        return scalar.as_py()


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


def _shown(value: object) -> object:
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return value.replace("\0", "\\x00") if isinstance(value, str) else value


def _plain(value: object) -> str:
    """Encode types that JSON lacks: bytes, decimals, dates and times."""
    return value.hex() if isinstance(value, bytes) else str(value)


def _bad_rows(rows: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Which rows hold a NUL in a text, which databases cannot store."""
    bad = np.zeros(rows.num_rows, bool)
    for array in rows.columns:
        if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
            found = pc.fill_null(pc.match_substring(array, "\0"), False)
            if found.true_count:
                bad |= found.to_numpy(zero_copy_only=False)
    return bad
