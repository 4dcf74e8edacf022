"""Stores of objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as a store lists it.

    Args:
        size: In bytes.
        etag: Differs when the content does; what it is made of is the store's affair.
        modified: With a time zone.
    """

    key: str
    size: int
    etag: str
    modified: datetime


class ObjectWriter(Protocol):
    """An object while it is being written."""

    def write(self, data: bytes | memoryview, /) -> int:
        """Append these bytes; returns how many they are.

        Raises:
            TargetError: If the store did not take what was written so far.
        """


class ObjectStore(Protocol):
    """A flat space of keys with bytes behind them: one bucket, or a directory that stands for one.

    A key is a relative path with ``/`` between its parts; no part of it is empty, ``.`` or ``..``. An object appears
    whole or not at all; there are no conditional writes, because not every store keeps them.

    All methods raise ConnectionFailed where the store cannot be reached or entered.
    """

    @property
    def name(self) -> str:
        """What messages call it, such as ``s3://bucket``."""

    def put(self, key: str, data: bytes) -> None:
        """Write an object, in the place of one that was there."""

    def writer(self, key: str) -> AbstractContextManager[ObjectWriter]:
        """Write an object of any size piece by piece: it appears when the block ends well, and otherwise never."""

    def find(self, key: str) -> Stored | None:
        """The object of this key, or None."""

    def get(self, key: str) -> bytes:
        """The whole of an object.

        Raises:
            NoSuchObject: If there is none of this key.
        """

    def open(self, key: str) -> BinaryIO:
        """An object as a seekable stream, read in pieces of bounded size.

        Raises:
            NoSuchObject: If there is none of this key.
            SourceError: When it is read: it changed since it was opened.
        """

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """The objects whose keys begin so, in the order of their keys."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; one that is not there is none to remove."""

    def copy(self, key: str, to: str) -> None:
        """Copy an object within the store.

        Raises:
            NoSuchObject: If there is none of this key.
        """

    def sweep(self, prefix: str) -> int:
        """Remove what killed writers left under this prefix; nobody else may be writing there. Returns how much."""
