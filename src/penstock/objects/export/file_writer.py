"""The files of one export, each begun when the one before is full."""

from __future__ import annotations

import io
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, Self

from penstock.model.manifest import ExportedFile
from penstock.ports import ObjectStore, ObjectWriter, Reading, Rows


class FileWriter(Protocol):
    """Writes rows into one file of some format."""

    def write(self, rows: Rows) -> None:
        """Append these rows; what was written so far may wait in memory, within bounds."""

    def close(self) -> None:
        """Write what is waiting, and what ends a file."""


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
        """How names of its files end, such as ``.csv.gz``."""

    def writer(self, stream: io.RawIOBase, reading: Reading) -> FileWriter:
        """Begin a file."""


class Sink(io.RawIOBase):
    """An object that is being written, as a stream that counts."""

    def __init__(self, writer: ObjectWriter) -> None:
        self._writer = writer
        self._dropped = False
        self.size = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """How much was written."""
        return self.size

    def write(self, data: bytes | memoryview, /) -> int:  # type: ignore[override]
        """See :class:`penstock.ports.ObjectWriter`."""
        if self._dropped:
            return memoryview(data).nbytes
        written = self._writer.write(data)
        self.size += written
        return written

    def drop(self) -> None:
        """Take no more: Arrow's writer ends its file even when it is thrown away."""
        self._dropped = True


class Files:
    """Rolls over from one file to the next. Unless its block ends well, none of them remains.

    Args:
        stem: Begins every file's key: the prefix and the run.
        limit: A file is ended when it has so many bytes; None makes one file, whose key is the stem.
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
        """Append these rows to the file at hand, or to the next."""
        writer = self._writer or self._begin(reading)
        writer.write(rows)
        self._rows += rows.count
        assert self._sink is not None  # _begin made it
        if self._limit is not None and self._sink.size >= self._limit:
            self._end()

    def finish(self, reading: Reading) -> None:
        """End the last file; a table without rows is one file without rows, which says what its columns are."""
        if self._writer is None and not self.done:
            self._begin(reading)
        if self._writer is not None:
            self._end()

    def _begin(self, reading: Reading) -> FileWriter:
        number = f"-{len(self._begun):05}" if self._limit is not None else ""
        key = f"{self._stem}{number}{self._format.suffix if self._limit is not None else ''}"
        # Known before it is there: what was begun is removed if the rest fails.
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
