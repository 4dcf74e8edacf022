"""The formats of an export."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from penstock.model.errors import UsageError
from penstock.ports import Reading, Rows
from penstock.targets.objects.files import FileWriter, Format

# Text of the rows that become one row group: it bounds the memory, whatever the width of a row. Of two million rows of
# 100 bytes, groups of 8, 16, 32 and 64 MiB made files of 11.29, 11.22, 11.16 and 11.01 MB, in 220, 232, 245 and 287 MB.
_GROUP_BYTES = 8 << 20
_GZIP = 31  # zlib's number for a gzip header with the largest window
_PACKED = {"gzip": ".gz", "zstd": ".zst", "none": ""}
_ALIASES = {"gz": "gzip", "zst": "zstd"}
_KNOWN = {"parquet": ("zstd", "snappy", "gzip", "none"), "csv": ("none", "gzip", "zstd")}


def make_format(name: str, compression: str | None, limit: int | None) -> Format:
    """The format of this name; without a compression, the first that it knows.

    Args:
        limit: Files are to be no larger than about this.

    Raises:
        UsageError: If there is none, or it knows no such compression.

    Example:
        >>> make_format("csv", "gz", None).suffix
        '.csv.gz'
    """
    if name not in _KNOWN:
        raise UsageError(f"tables are not written as {name}", hint=f"one of {', '.join(_KNOWN)}")
    chosen = _ALIASES.get(compression or "", compression) or _KNOWN[name][0]
    if chosen not in _KNOWN[name]:
        raise UsageError(
            f"{name} is not compressed with {compression}", hint=f"one of {', '.join(_KNOWN[name])}"
        )
    return ParquetFormat(chosen, limit) if name == "parquet" else CsvFormat(chosen)


@dataclass(frozen=True, slots=True)
class ParquetFormat:
    """Columns in their own types; the server's type of each is in the schema's metadata."""

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
        self._reading = reading
        self._group = group
        self._writer = pq.ParquetWriter(
            pa.PythonFile(stream, mode="w"),
            reading.schema,
            compression=compression,
            # Numbers gain nothing by a dictionary and cost half of the encoding's time.
            use_dictionary=[field.name for field in reading.schema if _is_text(field.type)],
            store_schema=True,
        )
        self._waiting: list[pa.RecordBatch] = []
        self._bytes = 0

    def write(self, rows: Rows) -> None:
        self._waiting.append(self._reading.parse(rows))
        self._bytes += len(rows.text)
        if self._bytes >= self._group:
            self._flush()

    def close(self) -> None:
        if self._waiting:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        table = pa.Table.from_batches(self._waiting, self._reading.schema)
        self._waiting.clear()
        self._writer.write_table(table, row_group_size=max(table.num_rows, 1))
        self._bytes = 0


def _is_text(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_string(arrow))


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """The server's own text under a header; only an unquoted empty field is null."""

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
