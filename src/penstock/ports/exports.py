"""A table as files in a store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from penstock.model.manifest import ExportedFile, Manifest
from penstock.ports.snapshots import Reading, Rows
from penstock.ports.targets import Entry


class ExportSession(Protocol):
    """One export into a store. No reader sees anything of it before it is published."""

    @property
    def before(self) -> Manifest | None:
        """The export that is there, if one is."""

    @property
    def database(self) -> str:
        """Tells the database that the rows come from, wherever it is reached."""

    def write(self, reading: Reading, blocks: Iterable[Rows]) -> Sequence[ExportedFile]:
        """Write all of these rows.

        Raises:
            Unrepresentable: As :meth:`Reading.parse`; nothing of them is left then.
            TargetError: If the store does not take them.
        """

    def discard(self, files: Iterable[ExportedFile]) -> None:
        """Remove what was written and is not published."""

    def publish(self, manifest: Manifest, entry: Entry) -> None:
        """Let readers see this export and no longer the one before, and keep its account.

        Raises:
            TargetError: If there is another one by now.
        """


class ExportTarget(Protocol):
    """Where a table's rows go as files."""

    @property
    def form(self) -> ExportFormat:
        """What the files are."""

    def begin(self) -> AbstractContextManager[ExportSession]:
        """Begin an export; nobody else exports to the same place meanwhile.

        Raises:
            ConnectionFailed: If the store cannot be reached or entered.
        """


class ExportFormat(Protocol):
    """A format of files."""

    @property
    def name(self) -> str:
        """``parquet`` or ``csv``."""

    @property
    def compression(self) -> str:
        """``zstd``, ``gzip``, ``snappy`` or ``none``."""
