"""A file's bytes as they are stored: opened as often as wanted, watched for changes, hashed."""

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

# Hashing and spooling go through pieces of this size: 1 to 8 MiB take the same time, less is slower.
_PIECE = 4 << 20


class StoredFile(Protocol):
    """Bytes that stay where they are while a copy runs."""

    @property
    def name(self) -> str:
        """What messages and rejects call it."""

    @property
    def size(self) -> int:
        """How many bytes it has."""

    def open(self) -> io.RawIOBase:
        """The bytes from their beginning, seekable, independent of every other opening."""

    def require_unchanged(self) -> None:
        """Raises SourceError if the content may differ from what it was when this object was made."""


class PathFile:
    """A regular file under its path."""

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
                hint="nothing of it was kept; copy it again once it is complete",
            )

    def _read_state(self) -> tuple[int, int, int]:
        found = Path(self.name).stat()
        return found.st_ino, found.st_size, found.st_mtime_ns


class SpooledFile:
    """A stream that can be read only once, kept in a temporary file without a name: nothing remains of it.

    Args:
        seen: Receives how many more bytes came.
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
        """Nobody else can reach it."""


class _Seen:
    """A stream, with a report of what is read of it as soon as it comes."""

    def __init__(self, stream: BinaryIO, seen: Callable[[int], None]) -> None:
        # Not the whole of a piece, which a slow pipe fills in minutes.
        self._read = getattr(stream, "read1", stream.read)
        self._seen = seen

    def read(self, size: int) -> bytes:
        data: bytes = self._read(size)
        self._seen(len(data))
        return data


class WatchedFile:
    """A stored file, and how many of its bytes were read."""

    def __init__(self, file: StoredFile) -> None:
        self._file = file
        self.name = file.name
        self.size = file.size
        self._read = 0

    @property
    def position(self) -> int:
        """At most the size, although some formats look at places of the file more than once."""
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
    """Reads a shared file at a position of its own."""

    def __init__(self, owner: SpooledFile, descriptor: int) -> None:
        self._owner = owner  # as long as it lives, the descriptor is open
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
        seen: Receives how many more bytes of a pipe came.
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
    """A hash of the contents in their order, whatever the files are called.

    Args:
        seen: Receives how many more bytes were read.
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
    """Turn the operating system's errors into ours."""
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
            f"'{name}' may not be read", hint="ask its owner for the right to read it"
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceError(
            f"'{name}' cannot be read: {reason}", hint="check the disk and try again"
        ) from error
