"""Files as a source: the public door of this package."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from penstock.files.blocks import Sizes
from penstock.files.detection import settle
from penstock.files.first_record import require_distinct
from penstock.files.format_detection import format_of
from penstock.files.packing import members
from penstock.files.stored_file import SpooledFile, StoredFile, WatchedFile, fingerprint, store
from penstock.model.columns import matching_key
from penstock.model.errors import SourceError
from penstock.model.file_options import FileOptions
from penstock.ports import Batch, Source


class FileFormat(Protocol):
    """Takes files of one format apart."""

    def columns(self, files: Sequence[StoredFile]) -> tuple[str, ...]:
        """The columns that the files have together."""

    def fit(self, table: Collection[str]) -> None:
        """Name the columns for a table that has these."""

    def header(self, files: Sequence[StoredFile]) -> tuple[str, ...]:
        """The first file's columns as they are written."""

    def layout(self) -> dict[str, Any]:
        """What is needed to read rejects of these files, as fields of the options, once the columns are known."""

    def batches(self, index: int, file: StoredFile, columns: tuple[str, ...]) -> Iterator[Batch]:
        """The rows of one file, under these columns."""

    def raw(self, file: StoredFile, lines: Collection[int]) -> dict[int, str]:
        """The text of the rows that begin at these lines."""


class FileSource:
    """Some files of one format, read in their order.

    Args:
        detect: Find out how they are written, where the options leave it open.
    """

    def __init__(
        self, stored: Sequence[StoredFile], options: FileOptions, sizes: Sizes, *, detect: bool = True
    ) -> None:
        if detect:
            stored = [part for file in stored for part in _parts(file, options)]
        self._stored = stored
        self._sizes = sizes
        self._findings = settle(stored, options, detect=detect)
        self._options = self._findings.options
        self._reader = make_reader(stored, self._options, sizes)

    @property
    def options(self) -> FileOptions:
        """See :class:`penstock.ports.Recognised`."""
        return self._options

    def require_header(self) -> None:
        """See :class:`penstock.ports.Recognised`."""
        if self._findings.doubt is not None:
            raise self._findings.doubt
        self._note_names()

    def fit(self, table: Sequence[str]) -> None:
        """See :class:`penstock.ports.Recognised`."""
        keys = {matching_key(name) for name in table}
        if (
            "header" in self._options.detected
            and {matching_key(cell) for cell in self._findings.first} <= keys
        ):
            # What looks like a row names columns of this table.
            detected = tuple(name for name in self._options.detected if name != "header")
            self._options = replace(self._options, header=None, detected=detected)
            self._reader = make_reader(self._stored, self._options, self._sizes)
        self._reader.fit(table)
        self.__dict__.pop("columns", None)
        header = self._reader.header(self._stored)
        if len({matching_key(name) for name in header}) < len(header) and not set(self.columns) <= set(table):
            require_distinct([name for name in header if name], self._stored[0].name)
        self._note_names()

    def _note_names(self) -> None:
        header = self._reader.header(self._stored)
        renamed = tuple((new, old) for new, old in zip(self.columns, header, strict=False) if new != old)
        self._options = replace(self._options, renamed=renamed, **self._reader.layout())

    @property
    def files(self) -> Sequence[str]:
        """See :class:`penstock.ports.Source`."""
        return [file.name for file in self._stored]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """See :class:`penstock.ports.Source`."""
        return self._reader.columns(self._stored)

    @property
    def size(self) -> int | None:
        """See :class:`penstock.ports.Source`."""
        return sum(file.size for file in self._stored)

    def fingerprint(self, seen: Callable[[int], None] | None = None) -> str:
        """See :class:`penstock.ports.Source`. Hashes the files as they are stored."""
        return fingerprint(self._stored, seen)

    def batches(self) -> Iterator[Batch]:
        """See :class:`penstock.ports.Source`."""
        columns = self.columns
        before = 0
        for index, file in enumerate(self._stored):
            file.require_unchanged()
            watched = WatchedFile(file)
            for batch in self._reader.batches(index, watched, columns):
                yield replace(batch, position=before + watched.position)
            file.require_unchanged()
            before += file.size

    def raw(self, file: int, lines: Collection[int]) -> dict[int, str]:
        """See :class:`penstock.ports.Source`."""
        return self._reader.raw(self._stored[file], lines)


def open_files(
    address: str,
    options: FileOptions,
    *,
    stdin: BinaryIO | None = None,
    sizes: Sizes | None = None,
    seen: Callable[[int], None] | None = None,
    detect: bool = True,
) -> Source:
    """The source of this address: a path, a glob, or ``-`` for standard input.

    Args:
        stdin: What ``-`` reads; the process's own by default.
        sizes: How much is read at once.
        seen: Receives how many more bytes of standard input or a pipe came; all of them do before this returns.
        detect: Find out how the files are written, where the options leave it open.

    Raises:
        SourceError: If the file does not exist or cannot be read.
        UsageError: If the options make no sense.
    """
    if address == "-":
        stored: list[StoredFile] = [SpooledFile("-", stdin or sys.stdin.buffer, seen)]
    else:
        stored = [store(path, seen) for path in _paths(address)]
    return FileSource(stored, options, sizes or Sizes(), detect=detect)


def _paths(address: str) -> list[str]:
    if not address or "\0" in address:
        raise SourceError(f"no file {address!r}", hint="check the path")
    if os.path.exists(address) or not glob.has_magic(address):  # noqa: PTH110 - Path.exists raises for long names
        return [address]
    paths = sorted(path for path in glob.glob(address, recursive=True) if not Path(path).is_dir())  # noqa: PTH207
    if not paths:
        raise SourceError(f"no file matches '{address}'", hint="check the pattern, and quote it in a shell")
    return paths


def _parts(file: StoredFile, options: FileOptions) -> Sequence[StoredFile]:
    """The files in an archive; objects named as Parquet are not fetched for it."""
    named = options.format if options.format != "auto" else format_of(file.name)
    return [file] if named == "parquet" else members(file)


def make_reader(files: Sequence[StoredFile], options: FileOptions, sizes: Sizes) -> FileFormat:
    """What takes these files apart.

    Raises:
        UsageError: If the options make no sense.
    """
    match options.format if options.format != "auto" else format_of(files[0].name):
        case "parquet":
            from penstock.files.parquet import ParquetFormat

            return ParquetFormat()
        case "excel":
            from penstock.files.excel import ExcelFormat

            return ExcelFormat(options)
        case "jsonl":
            from penstock.files.jsonl import JsonLinesFormat

            return JsonLinesFormat(options, sizes)
        case "json":
            from penstock.files.jsonl import JsonFormat

            return JsonFormat(options, sizes)
        case _:
            from penstock.files.csv import CsvFormat

            return CsvFormat(options, sizes)
