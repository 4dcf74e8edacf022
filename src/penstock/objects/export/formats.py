"""The formats of an export."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import zstandard

from penstock.model.errors import UsageError
from penstock.objects.export.file_writer import FileWriter, Format
from penstock.ports import Reading, Rows

# Bytes of text per row group, which bounds the memory for rows of any width. Of two million rows of
# 100 bytes, groups of 8, 16, 32 and 64 MiB made files of 11.29, 11.22, 11.16 and 11.01 MB, in 220, 232, 245 and 287 MB.
_GROUP_BYTES = 8 << 20
# A text column gets a dictionary if each of its values occurs this often among the first rows of a file. Of a wide
# table's five such columns that are two: half a million rows took 0.25 s of processor time to encode, with a dictionary
# for each 0.37 s, and made 16.5 MB instead of 18.0.
_RARE = 20
_LOOKED_AT = 10_000
_GZIP = 31  # zlib's window bits for gzip with the largest window
_PACKED = {"gzip": ".gz", "zstd": ".zst", "none": ""}
_ALIASES = {"gz": "gzip", "zst": "zstd"}
_KNOWN = {"parquet": ("zstd", "snappy", "gzip", "none"), "csv": ("none", "gzip", "zstd")}


def make_format(name: str, compression: str | None, limit: int | None) -> Format:
    """The format of this name, with its default compression unless one is given.

    Args:
        limit: Approximate maximum size of files.

    Raises:
        UsageError: If the format or the compression is unknown.

    Example:
        >>> make_format("csv", "gz", None).suffix
        '.csv.gz'
    """
    if name not in _KNOWN:
        raise UsageError(f"unknown export format {name!r}", hint=f"one of {', '.join(_KNOWN)}")
    chosen = _ALIASES.get(compression or "", compression) or _KNOWN[name][0]
    if chosen not in _KNOWN[name]:
        raise UsageError(
            f"{name} does not support the compression {compression}", hint=f"one of {', '.join(_KNOWN[name])}"
        )
    return ParquetFormat(chosen, limit) if name == "parquet" else CsvFormat(chosen)


@dataclass(frozen=True, slots=True)
class ParquetFormat:
    """Parquet: columns in their own types; the schema's metadata holds the server's types."""

    compression: str
    limit: int | None
    name: str = "parquet"
    suffix: str = ".parquet"

    def writer(self, stream: io.RawIOBase, reading: Reading) -> FileWriter:
        """See :class:`Format`."""
        group = min(_GROUP_BYTES, self.limit or _GROUP_BYTES)
        return _ParquetWriter(stream, reading, self.compression, group)


class _ParquetWriter:
    def __init__(self, stream: io.RawIOBase, reading: Reading, compression: str, group: int) -> None:
        self._stream = stream
        self._reading = reading
        self._compression = compression
        self._group = group
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []
        self._bytes = 0

    def write(self, rows: Rows) -> None:
        self._waiting.append(self._reading.parse(rows))
        self._bytes += len(rows.text)
        if self._bytes >= self._group:
            self._flush()

    def close(self) -> None:
        if self._waiting or self._writer is None:
            self._flush()
        assert self._writer is not None  # set by _flush
        self._writer.close()

    def _flush(self) -> None:
        table = pa.Table.from_batches(self._waiting, self._reading.schema)
        if self._writer is None:
            self._writer = self._begin(table)
        self._waiting.clear()
        if table.num_rows:
            self._writer.write_table(table, row_group_size=table.num_rows)
        self._bytes = 0

    def _begin(self, first: pa.Table) -> pq.ParquetWriter:
        return pq.ParquetWriter(
            pa.PythonFile(self._stream, mode="w"),
            first.schema,
            compression=self._compression,
            use_dictionary=_repeating(first.slice(0, _LOOKED_AT)),
            store_schema=True,
        )


def _repeating(rows: pa.Table) -> list[str]:
    """Text columns with repeated values, for which a dictionary pays off."""
    pairs = zip(
        rows.column_names, rows.columns, strict=True
    )  # a query may return several columns of one name
    return [name for name, column in pairs if _repeats(column)]


def _repeats(column: pa.ChunkedArray) -> bool:
    if isinstance(column.type, pa.JsonType):
        column = pa.chunked_array([one.storage for one in column.chunks], column.type.storage_type)
    if not pa.types.is_string(column.type):
        return False
    return bool(_RARE * pc.count_distinct(column).as_py() <= len(column))


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """CSV: the server's text with a header; only an unquoted empty field is null."""

    compression: str
    name: str = "csv"

    @property
    def suffix(self) -> str:
        """See :class:`Format`."""
        return f".csv{_PACKED[self.compression]}"

    def writer(self, stream: io.RawIOBase, reading: Reading) -> FileWriter:
        """See :class:`Format`."""
        return _CsvWriter(stream, reading.schema.names, self.compression)


class _CsvWriter:
    def __init__(self, stream: io.RawIOBase, names: list[str], compression: str) -> None:
        self._stream = stream
        self._packer = _packer(compression)
        self._put((",".join(map(_quoted, names)) + "\n").encode())

    def write(self, rows: Rows) -> None:
        self._put(rows.text)

    def close(self) -> None:
        if self._packer is not None:
            self._stream.write(self._packer.flush())

    def _put(self, text: bytes) -> None:
        data = text if self._packer is None else self._packer.compress(text)
        if data:
            self._stream.write(data)


def _packer(compression: str) -> Any:
    match compression:
        case "gzip":
            return zlib.compressobj(6, zlib.DEFLATED, _GZIP)
        case "zstd":
            return zstandard.ZstdCompressor(level=3).compressobj()
        case _:
            return None


def _quoted(name: str) -> str:
    if any(letter in name for letter in ',"\r\n') or name != name.strip():
        return '"' + name.replace('"', '""') + '"'
    return name
