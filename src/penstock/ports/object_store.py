"""Protocol of object stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as listed by a store.

    Args:
        size: In bytes.
        etag: Changes with the content; its form depends on the store.
        modified: With a time zone.
    """

    key: str
    size: int
    etag: str
    modified: datetime


class ObjectWriter(Protocol):
    """An object being written."""

    def write(self, data: bytes | memoryview, /) -> int:
        """Append these bytes; returns their number.

        Raises:
            TargetError: If the store failed to write.
        """


class ObjectStore(Protocol):
    """A flat space of keys and objects: a bucket, or a directory.

    A key is a relative path with ``/`` between its parts; no part of it is empty, ``.`` or ``..``. Objects
    are written atomically; there are no conditional writes, because not every store supports them.

    All methods raise ConnectionFailed if connecting to the store fails.
    """

    @property
    def name(self) -> str:
        """Its name in messages, such as ``s3://bucket``."""

    def put(self, key: str, data: bytes) -> None:
        """Write an object, replacing an existing one."""

    def writer(self, key: str) -> AbstractContextManager[ObjectWriter]:
        """Write an object of any size in pieces. It appears when the block ends without an error."""

    def find(self, key: str) -> Stored | None:
        """The object of this key, or None."""

    def get(self, key: str) -> bytes:
        """Read a whole object.

        Raises:
            NoSuchObject: If no object has this key.
        """

    def open(self, key: str) -> BinaryIO:
        """An object as a seekable stream, read in pieces of bounded size.

        Raises:
            NoSuchObject: If no object has this key.
            SourceError: While reading, if it changed since it was opened.
        """

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """The objects with this key prefix, in the order of their keys."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; missing ones are ignored."""

    def copy(self, key: str, to: str) -> None:
        """Copy an object within the store.

        Raises:
            NoSuchObject: If no object has this key.
        """

    def sweep(self, prefix: str) -> int:
        """Remove remains of killed writers under this prefix, where nobody may be writing. Returns their number."""
