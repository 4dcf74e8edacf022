"""Where rows come from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Protocol, runtime_checkable

from penstock.model.plan import FileOptions
from penstock.ports.batches import Batch


class Source(Protocol):
    """Where rows come from. It can be read more than once, and gives the same rows in the same order each time."""

    @property
    def files(self) -> Sequence[str]:
        """Names of the files, as a reject names them."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, as the header writes them."""

    @property
    def size(self) -> int | None:
        """How many bytes there are to read, as they are stored; None where nobody knows."""

    def fingerprint(self, seen: Callable[[int], None] | None = None) -> str:
        """A hash of the whole content: equal for equal input, wherever it lies.

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
    """A source whose files never change and only become more, so that each of them needs to be loaded but once."""

    def without(self, loaded: Collection[str]) -> Source:
        """The same source, but for these files."""


@runtime_checkable
class Recognised(Protocol):
    """A source whose content says how it is to be read."""

    @property
    def options(self) -> FileOptions:
        """The plan's options, with what was found where they leave it open and it is not what names say."""

    def require_header(self) -> None:
        """Raises SourceError if it is in doubt what names the columns, so that no table is made by it."""

    def fit(self, table: Sequence[str]) -> None:
        """Name the columns for a table that has these.

        Raises:
            SourceError: If two columns have one name.
        """
