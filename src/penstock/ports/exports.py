"""Protocols of exports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from penstock.model.manifest import ExportedFile, Manifest
from penstock.ports.snapshots import Reading, Rows
from penstock.ports.targets import Entry


class ExportSession(Protocol):
    """One export into a store. Readers do not see it before it is published."""

    @property
    def before(self) -> Manifest | None:
        """The existing export, if any."""

    @property
    def database(self) -> str:
        """Identifies the source database, independently of its address."""

    def write(self, reading: Reading, blocks: Iterable[Rows]) -> Sequence[ExportedFile]:
        """Write all of these rows.

        Raises:
            Unrepresentable: See :meth:`Reading.parse`; nothing remains of the files then.
            TargetError: If the store fails.
        """

    def discard(self, files: Iterable[ExportedFile]) -> None:
        """Remove what was written and is not published."""

    def publish(self, manifest: Manifest, entry: Entry) -> None:
        """Publish this export instead of the previous one, and record its account.

        Raises:
            TargetError: If another export was published meanwhile.
        """


class ExportTarget(Protocol):
    """The target of exports."""

    @property
    def form(self) -> ExportFormat:
        """The format of the files."""

    def begin(self) -> AbstractContextManager[ExportSession]:
        """Begin an export; holds a lock on the address.

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
