"""Stored files: opened any number of times, checked for changes, hashed."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import xxhash

from penstock.model.errors import SourceError

# Block size of hashing and spooling: 1 to 8 MiB take the same time, smaller blocks are slower.
_PIECE = 4 << 20


class StoredFile(Protocol):
    """A file that must not change while a copy runs."""

    @property
    def name(self) -> str:
        """The name in messages and rejects."""

    @property
    def size(self) -> int:
        """Its size in bytes."""

    def open(self) -> io.RawIOBase:
        """A seekable stream from the beginning, independent of other streams of the file."""

    def require_unchanged(self) -> None:
        """Raises SourceError if the content may have changed since this object was made."""


class PathFile:
    """A regular file, by its path."""

    def __init__(self, path: str) -> None:
        self.name = path
        with translated(path):
            self._state = self._read_state()

    @property
    def size(self) -> int:
        """See :class:`StoredFile`."""
        return self._state[1]

    def open(self) -> io.RawIOBase:
        """See :class:`StoredFile`."""
        with translated(self.name):
            return Path(self.name).open("rb", buffering=0)

    def require_unchanged(self) -> None:
        """See :class:`StoredFile`."""
        with translated(self.name):
            state = self._read_state()
        if state != self._state:
            raise SourceError(
                f"'{self.name}' changed while it was being copied",
                hint="nothing was copied; copy it again when it is complete",
            )

    def _read_state(self) -> tuple[int, int, int]:
        found = Path(self.name).stat()
        return found.st_ino, found.st_size, found.st_mtime_ns


class SpooledFile:
    """A stream that can be read only once, spooled to an unnamed temporary file.

    Args:
        seen: Receives the number of further bytes read.
    """

    def __init__(self, name: str, stream: BinaryIO, seen: Callable[[int], None] | None = None) -> None:
        self.name = name
        with translated(name):
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as this object
            shutil.copyfileobj(
                stream if seen is None else cast("BinaryIO", _Seen(stream, seen)), self._file, _PIECE
            )
            self._file.flush()
        self.size = os.fstat(self._file.fileno()).st_size
        weakref.finalize(self, self._file.close)

    def open(self) -> io.RawIOBase:
        """See :class:`StoredFile`."""
        return _PositionedReader(self, self._file.fileno())

    def require_unchanged(self) -> None:
        """Do nothing: no other process can change it."""


class _Seen:
    """A stream that reports the bytes read from it immediately."""

    def __init__(self, stream: BinaryIO, seen: Callable[[int], None]) -> None:
        # Not a whole block, which a slow pipe may take minutes to fill.
        self._read = getattr(stream, "read1", stream.read)
        self._seen = seen

    def read(self, size: int) -> bytes:
        data: bytes = self._read(size)
        self._seen(len(data))
        return data


class WatchedFile:
    """A stored file that counts the bytes read from it."""

    def __init__(self, file: StoredFile) -> None:
        self._file = file
        self.name = file.name
        self.size = file.size
        self._read = 0

    @property
    def position(self) -> int:
        """The bytes read, at most the size: some formats read parts of the file more than once."""
        return min(self._read, self.size)

    def open(self) -> io.RawIOBase:
        """See :class:`StoredFile`."""
        return _WatchedReader(self._file.open(), self._count)

    def require_unchanged(self) -> None:
        """See :class:`StoredFile`."""
        self._file.require_unchanged()

    def _count(self, read: int) -> None:
        self._read += read


class _WatchedReader(io.RawIOBase):
    def __init__(self, stream: io.RawIOBase, count: Callable[[int], None]) -> None:
        self._stream = stream
        self._count = count

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._stream.seekable()

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._stream.seek(offset, whence)

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        read: int = self._stream.readinto(buffer) or 0
        self._count(read)
        return read

    def close(self) -> None:
        self._stream.close()
        super().close()


class _PositionedReader(io.RawIOBase):
    """Reads a shared file at its own position."""

    def __init__(self, owner: SpooledFile, descriptor: int) -> None:
        self._owner = owner  # keeps the descriptor open
        self._descriptor = descriptor
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = (0, self._at, os.fstat(self._descriptor).st_size)[whence]
        self._at = base + offset
        return self._at

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        count = os.preadv(self._descriptor, [buffer], self._at)
        self._at += count
        return count


def store(path: str, seen: Callable[[int], None] | None = None) -> StoredFile:
    """The file of this path; a pipe (``<(command)``) is spooled first.

    Args:
        seen: Receives the number of further bytes read from a pipe.
    """
    with translated(path):
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(path)
        if stat.S_ISREG(mode):
            Path(path).open("rb").close()
            return PathFile(path)
        with Path(path).open("rb") as stream:
            return SpooledFile(path, stream, seen)


def fingerprint(files: Iterable[StoredFile], seen: Callable[[int], None] | None = None) -> str:
    """A hash of the contents in order; names do not matter.

    Args:
        seen: Receives the number of further bytes read.
    """
    whole = xxhash.xxh3_128()
    for file in files:
        digest = xxhash.xxh3_128()
        piece = bytearray(_PIECE)
        view = memoryview(piece)
        with translated(file.name), file.open() as stream:
            while count := stream.readinto(piece):
                digest.update(view[:count])
                if seen is not None:
                    seen(count)
        file.require_unchanged()
        whole.update(digest.digest())
    return whole.hexdigest()


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn errors of the operating system into SourceError."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceError(f"no file '{name}'", hint="check the path") from error
    except IsADirectoryError as error:
        raise SourceError(
            f"'{name}' is a directory", hint=f"name its files: '{name.rstrip('/')}/*.csv'"
        ) from error
    except PermissionError as error:
        raise SourceError(
            f"no permission to read '{name}'", hint="ask its owner for read permission"
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceError(f"cannot read '{name}': {reason}", hint="check the disk and try again") from error
