"""Files as a source: the public door of this package."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Protocol

from penstock.files.blocks import Sizes
from penstock.files.format_detection import format_of, recognise
from penstock.files.stored_file import SpooledFile, StoredFile, WatchedFile, fingerprint, store
from penstock.model.errors import SourceError
from penstock.model.plan import FileOptions
from penstock.ports import Batch, Source


class FileFormat(Protocol):
    """Takes files of one format apart."""

    def columns(self, files: Sequence[StoredFile]) -> tuple[str, ...]:
        """The columns that the files have together."""

    def require_header(self, files: Sequence[StoredFile]) -> None:
        """Raises SourceError if what names the columns is hardly a header."""

    def batches(self, index: int, file: StoredFile, columns: tuple[str, ...]) -> Iterator[Batch]:
        """The rows of one file, under these columns."""

    def raw(self, file: StoredFile, lines: Collection[int]) -> dict[int, str]:
        """The text of the rows that begin at these lines."""


class FileSource:
    """Some files of one format, read in their order."""

    def __init__(self, stored: Sequence[StoredFile], options: FileOptions, sizes: Sizes) -> None:
        self._stored = stored
        self._options = settle(stored, options)
        self._reader = make_reader(stored, self._options, sizes)

    @property
    def options(self) -> FileOptions:
        """See :class:`penstock.ports.Recognised`."""
        return self._options

    def require_header(self) -> None:
        """See :class:`penstock.ports.Recognised`."""
        self._reader.require_header(self._stored)

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
) -> Source:
    """The source of this address: a path, a glob, or ``-`` for standard input.

    Args:
        stdin: What ``-`` reads; the process's own by default.
        sizes: How much is read at once.
        seen: Receives how many more bytes of standard input or a pipe came; all of them do before this returns.

    Raises:
        SourceError: If there is no such file, or it cannot be read.
        UsageError: If the options make no sense.
    """
    if address == "-":
        stored: list[StoredFile] = [SpooledFile("-", stdin or sys.stdin.buffer, seen)]
    else:
        stored = [store(path, seen) for path in _paths(address)]
    return FileSource(stored, options, sizes or Sizes())


def _paths(address: str) -> list[str]:
    if not address or "\0" in address:
        raise SourceError(f"no file {address!r}", hint="check the path")
    if os.path.exists(address) or not glob.has_magic(address):  # noqa: PTH110 - Path.exists raises for long names
        return [address]
    paths = sorted(path for path in glob.glob(address, recursive=True) if not Path(path).is_dir())  # noqa: PTH207
    if not paths:
        raise SourceError(f"no file matches '{address}'", hint="check the pattern, and quote it in a shell")
    return paths


def settle(files: Sequence[StoredFile], options: FileOptions) -> FileOptions:
    """The options with what the files' content says where it is another thing than their names say.

    Raises:
        SourceError: If they are of several formats, or begin like a format that they are not of.
    """
    if options.format != "auto":
        return options
    names = {recognise(file, options) for file in files}
    if len(names) > 1:
        raise SourceError(
            f"the files are of several formats: {', '.join(sorted(names))}", hint="say which with --format"
        )
    name = names.pop()
    # Where names and content agree nothing is added, so that a copy keeps its identity.
    return options if {format_of(file.name) for file in files} == {name} else replace(options, format=name)


def make_reader(files: Sequence[StoredFile], options: FileOptions, sizes: Sizes) -> FileFormat:
    """What takes these files apart.

    Raises:
        UsageError: If the options make no sense.
    """
    match options.format if options.format != "auto" else format_of(files[0].name):
        case "parquet":
            from penstock.files.parquet import ParquetFormat

            return ParquetFormat()
        case "jsonl":
            from penstock.files.jsonl import JsonLinesFormat

            return JsonLinesFormat(options, sizes)
        case "json":
            from penstock.files.jsonl import JsonFormat

            return JsonFormat(options, sizes)
        case _:
            from penstock.files.csv import CsvFormat

            return CsvFormat(options, sizes)
