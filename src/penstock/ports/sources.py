"""Protocols of sources."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Protocol, runtime_checkable

from penstock.model.plan import FileOptions
from penstock.ports.batches import Batch


class Source(Protocol):
    """A source of rows. It can be read more than once, with the same rows in the same order each time."""

    @property
    def files(self) -> Sequence[str]:
        """Names of the files, for rejects."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, as in the header."""

    @property
    def size(self) -> int | None:
        """Number of bytes to read, as stored; None if unknown."""

    def fingerprint(self, seen: Callable[[int], None] | None = None) -> str:
        """A hash of the whole content, independent of its location.

        Args:
            seen: Receives how many more bytes were read for it.
        """

    def batches(self) -> Iterator[Batch]:
        """All rows, in batches of bounded size.

        Raises:
            SourceError: If a file cannot be read, or changed since its fingerprint was taken.
        """

    def raw(self, file: int, lines: Collection[int]) -> dict[int, str]:
        """The text of the rows that begin at these lines, read again from the file."""


@runtime_checkable
class GrowingSource(Protocol):
    """A source that only grows by whole files, so that each file needs to be loaded once."""

    def without(self, loaded: Collection[str]) -> Source:
        """The same source without these files."""


@runtime_checkable
class Recognised(Protocol):
    """A source whose content determines how it is read."""

    @property
    def options(self) -> FileOptions:
        """The plan's options, completed by the detected format if it differs from the files' names."""

    def require_header(self) -> None:
        """Raises SourceError if the first line does not look like a header, before a table is created from it."""

    def fit(self, table: Sequence[str]) -> None:
        """Name the columns for a table that has these.

        Raises:
            SourceError: If two columns have one name.
        """
