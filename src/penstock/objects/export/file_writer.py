"""Writes the files of one export."""

from __future__ import annotations

import io
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, Self

from penstock.model.manifest import ExportedFile
from penstock.ports import ObjectStore, ObjectWriter, Reading, Rows


class FileWriter(Protocol):
    """Writes rows into one file."""

    def write(self, rows: Rows) -> None:
        """Append these rows; a bounded amount may be buffered."""

    def close(self) -> None:
        """Flush the buffer and write the end of the file."""


class Format(Protocol):
    """A format of files."""

    @property
    def name(self) -> str:
        """``parquet`` or ``csv``."""

    @property
    def compression(self) -> str:
        """``zstd``, ``gzip``, ``snappy`` or ``none``."""

    @property
    def suffix(self) -> str:
        """Suffix of its files, such as ``.csv.gz``."""

    def writer(self, stream: io.RawIOBase, reading: Reading) -> FileWriter:
        """Begin a file."""


class Sink(io.RawIOBase):
    """A stream into an object, which counts bytes."""

    def __init__(self, writer: ObjectWriter) -> None:
        self._writer = writer
        self._dropped = False
        self.size = 0

    def writable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """The number of bytes written."""
        return self.size

    def write(self, data: bytes | memoryview, /) -> int:  # type: ignore[override]
        """See :class:`penstock.ports.ObjectWriter`."""
        if self._dropped:
            return memoryview(data).nbytes
        written = self._writer.write(data)
        self.size += written
        return written

    def drop(self) -> None:
        """Ignore further writes: Arrow's writer ends its file even when it is discarded."""
        self._dropped = True


class Files:
    """Writes rows into files of limited size. If the block fails, all files are removed.

    Args:
        stem: Prefix of every file's key: the prefix of the export and the run.
        limit: Maximum size of a file in bytes; None writes one file, whose key is the stem.
    """

    def __init__(self, store: ObjectStore, stem: str, form: Format, limit: int | None) -> None:
        self._store = store
        self._stem = stem
        self._format = form
        self._limit = limit
        self._open = ExitStack()
        self._sink: Sink | None = None
        self._writer: FileWriter | None = None
        self._rows = 0
        self._begun: list[str] = []
        self.done: list[ExportedFile] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            if self._sink is not None:
                self._sink.drop()
            self._open.__exit__(kind, error, trace)  # aborts the file that is being written
            if self._limit is not None:
                self._store.delete(self._begun)

    def write(self, rows: Rows, reading: Reading) -> None:
        """Append these rows to the current file or to a new one."""
        writer = self._writer or self._begin(reading)
        writer.write(rows)
        self._rows += rows.count
        assert self._sink is not None  # set by _begin
        if self._limit is not None and self._sink.size >= self._limit:
            self._end()

    def finish(self, reading: Reading) -> None:
        """End the last file. A table without rows is written as one file without rows, which has the columns."""
        if self._writer is None and not self.done:
            self._begin(reading)
        if self._writer is not None:
            self._end()

    def _begin(self, reading: Reading) -> FileWriter:
        number = f"-{len(self._begun):05}" if self._limit is not None else ""
        key = f"{self._stem}{number}{self._format.suffix if self._limit is not None else ''}"
        # Recorded before it exists, so that it is removed if the rest fails.
        self._begun.append(key)
        self._sink = Sink(self._open.enter_context(self._store.writer(key)))
        self._writer = self._format.writer(self._sink, reading)
        self._rows = 0
        return self._writer

    def _end(self) -> None:
        assert self._writer is not None
        assert self._sink is not None
        self._writer.close()
        self._open.close()
        key = self._begun[-1]
        found = self._store.find(key)
        etag = found.etag if found is not None and found.size == self._sink.size else ""
        self.done.append(ExportedFile(name=key, rows=self._rows, size=self._sink.size, etag=etag))
        self._sink = self._writer = None
