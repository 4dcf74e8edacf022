"""A directory as an object store."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from penstock.model.errors import ConnectionFailed, NoSuchObject, SourceError, TargetError, UsageError
from penstock.objects.keys import checked
from penstock.ports import Stored

# Prefix of unfinished files, which are not listed.
_UNFINISHED = ".penstock-unfinished-"


class DirectoryStore:
    """Objects as files below a directory, which is created by the first write.

    Example:
        >>> store = DirectoryStore(Path("/tmp/lake"))
        >>> store.name
        '/tmp/lake'
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def name(self) -> str:
        """The directory."""
        return str(self._root)

    def put(self, key: str, data: bytes) -> None:
        """See :class:`penstock.ports.ObjectStore`."""
        with self.writer(key) as writer:
            writer.write(data)

    @contextmanager
    def writer(self, key: str) -> Iterator[_FileWriter]:
        """See :class:`penstock.ports.ObjectStore`."""
        path = self._path(key)
        unfinished = path.with_name(f"{_UNFINISHED}{secrets.token_hex(8)}")
        try:
            with self._translated(key):
                path.parent.mkdir(parents=True, exist_ok=True)
                stream = unfinished.open("xb", buffering=0)
            with stream:
                yield _FileWriter(self, key, stream)
                with self._translated(key):
                    os.fsync(stream.fileno())
            with self._translated(key):
                unfinished.replace(path)
                _sync(path.parent)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise

    def find(self, key: str) -> Stored | None:
        """See :class:`penstock.ports.ObjectStore`."""
        path = self._path(key)
        with self._translated(key):
            try:
                found = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return _stored(key, found) if path.is_file() else None

    def get(self, key: str) -> bytes:
        """See :class:`penstock.ports.ObjectStore`."""
        with self._translated(key):
            return self._path(key).read_bytes()

    def open(self, key: str) -> BinaryIO:
        """See :class:`penstock.ports.ObjectStore`. Files are replaced, never modified: an open stream stays valid."""
        with self._translated(key):
            return self._path(key).open("rb")

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """See :class:`penstock.ports.ObjectStore`."""
        with self._translated(prefix):
            for path in self._files(prefix):
                key = path.relative_to(self._root).as_posix()
                if not path.name.startswith(_UNFINISHED):
                    with suppress(FileNotFoundError):  # removed in the meantime
                        yield _stored(key, path.stat())

    def delete(self, keys: Iterable[str]) -> None:
        """See :class:`penstock.ports.ObjectStore`. Also removes directories that become empty."""
        for key in keys:
            path = self._path(key)
            with self._translated(key), suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
                with suppress(OSError):  # not empty
                    for parent in path.relative_to(self._root).parents:
                        (self._root / parent).rmdir() if parent.name else None

    def copy(self, key: str, to: str) -> None:
        """See :class:`penstock.ports.ObjectStore`."""
        with self.open(key) as source, self.writer(to) as target:
            shutil.copyfileobj(source, target, 1 << 20)

    def sweep(self, prefix: str) -> int:
        """See :class:`penstock.ports.ObjectStore`."""
        with self._translated(prefix):
            left = [path for path in self._files(prefix) if path.name.startswith(_UNFINISHED)]
            for path in left:
                path.unlink(missing_ok=True)
        return len(left)

    def _path(self, key: str) -> Path:
        return self._root / checked(key)

    def _files(self, prefix: str) -> Sequence[Path]:
        """Files below the directory of a prefix, including unfinished ones."""
        base = self._root / prefix.rpartition("/")[0]
        if ".." in Path(prefix).parts or not base.is_dir():
            return []
        found = [
            Path(directory, name) for directory, _, names in os.walk(base, onerror=_raise) for name in names
        ]
        chosen = [
            (key, path)
            for path in found
            if (key := path.relative_to(self._root).as_posix()).startswith(prefix)
            or path.name.startswith(_UNFINISHED)
        ]
        return [path for _, path in sorted(chosen)]

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise NoSuchObject(f"no object '{key}' in {self._root}", hint="check its key") from error
        except PermissionError as error:
            raise ConnectionFailed(
                f"{self._root}/{key}: permission denied", hint="ask the directory's owner for permission"
            ) from error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise TargetError(
                    f"cannot write '{key}' to {self._root}: {error.strerror}",
                    hint="free disk space and try again",
                ) from error
            raise SourceError(
                f"{self._root}/{key}: {error.strerror or error}", hint="check the disk and try again"
            ) from error


def directory_of(path: str) -> tuple[DirectoryStore, str]:
    """The store and the key of a path: a directory, with an empty key, or a file in one.

    Raises:
        UsageError: If it is ambiguous: a new directory must end with ``/``.

    Example:
        >>> directory_of("out/sales/")[1], directory_of("out/sales.parquet")[1]
        ('', 'sales.parquet')
    """
    if path.endswith("/") or Path(path).is_dir():
        return DirectoryStore(Path(path)), ""
    if not Path(path).suffix:
        raise UsageError(
            f"ambiguous target {path!r}",
            hint=f"write a table as connection:schema.table, a directory as {path}/, a file as {path}.parquet",
        )
    return DirectoryStore(Path(path).parent), Path(path).name


class _FileWriter:
    """See :class:`penstock.ports.ObjectWriter`."""

    def __init__(self, store: DirectoryStore, key: str, stream: BinaryIO) -> None:
        self._store = store
        self._key = key
        self._stream = stream

    def write(self, data: bytes | memoryview, /) -> int:
        left = memoryview(data).cast("B")
        with self._store._translated(self._key):  # noqa: SLF001  # its own writer
            while left:
                left = left[self._stream.write(left) :]
        return memoryview(data).nbytes


def _stored(key: str, found: os.stat_result) -> Stored:
    modified = datetime.fromtimestamp(found.st_mtime, UTC)
    return Stored(key, found.st_size, f"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}", modified)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _raise(error: OSError) -> None:
    raise error
