"""How files are packed: recognized by their first bytes, and unpacked while they are read."""

from __future__ import annotations

import bz2
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import pyarrow as pa

from penstock.files.stored_file import StoredFile, translated
from penstock.model.errors import SourceError

# Arrow's decompressors notice a file that ends early; zstandard's stream_reader does not.
_PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_STANDARD: dict[bytes, Any] = {b"BZh": bz2.BZ2Decompressor, b"\xfd7zXZ\0": lzma.LZMADecompressor}
ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second is of an empty one
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_REPACK = "unpack it, or pack it with gzip, zstd, xz or bzip2"
_SAY = "say --format excel"
_FOREIGN = {
    b"\xff\x06\0\0sNaPpY": ("is packed with snappy", _REPACK),
    b"\x04\x22\x4d\x18": ("is packed with lz4", _REPACK),
    b"\x1f\x9d": ("is packed with compress", _REPACK),
    b"7z\xbc\xaf\x27\x1c": ("is packed with 7-Zip", _REPACK),
    b"Rar!\x1a\x07": ("is packed with RAR", _REPACK),
    b"PAR1": ("is a Parquet file", "say --format parquet"),
    b"SQLite format 3\0": (
        "is a SQLite database",
        "export its table: sqlite3 -csv -header FILE 'select ...'",
    ),
    _OLE: ("is an Excel workbook", _SAY),
}
_PIECE = 256 << 10
_BUFFER = 1 << 20


class Stream(Protocol):
    """What unpacking and decoding read from."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer; 0 at the end."""


@contextmanager
def unpacked(file: StoredFile) -> Iterator[Stream]:
    """The file's bytes without their packing, while the block lasts.

    Raises:
        SourceError: If it is packed in a way that is not supported.
    """
    stored = file.open()
    try:
        with _unpacking(file.name):
            head = stored.read(16) or b""
            stored.seek(0)
            plain = _unpacked(stored, head, file.name)
        yield _Guarded(plain, file.name)
    finally:
        stored.close()


def stored_magic(file: StoredFile) -> bytes:
    """The first bytes of a file as it is stored."""
    with file.open() as stored, _unpacking(file.name):
        return stored.read(16) or b""


def is_workbook(file: StoredFile) -> bool:
    """Whether the content is that of Excel or OpenDocument."""
    head = stored_magic(file)
    if not head.startswith(ZIP):
        return head.startswith(_OLE)
    with _unpacking(file.name), file.open() as stored, _OwnArchive(stored) as archive:
        return _holds_workbook(archive.namelist())


def _holds_workbook(names: Collection[str]) -> bool:
    found = ("xl/workbook.xml", "xl/workbook.bin")
    return any(name in names for name in found) or {"content.xml", "META-INF/manifest.xml"} <= set(names)


def members(file: StoredFile) -> list[StoredFile]:
    """The files in a zip archive with several, in order of name; otherwise the file itself.

    Raises:
        SourceError: If the archive cannot be read.
    """
    if not stored_magic(file).startswith(ZIP) or is_workbook(file):
        return [file]
    stored = file.open()
    try:
        with _unpacking(file.name):
            archive = _OwnArchive(stored)
            found = sorted(_data_members(archive, file.name), key=lambda member: member.filename)
    except SourceError:
        stored.close()
        raise
    parts: list[StoredFile] = [MemberFile(file, archive, member) for member in found]
    if len(parts) == 1 and not is_workbook(parts[0]):
        archive.close()
        return [file]
    return parts


class _OwnArchive(zipfile.ZipFile):
    """An archive that closes its file."""

    def __init__(self, stored: io.RawIOBase) -> None:
        self._buffered = io.BufferedReader(stored, _BUFFER)
        super().__init__(self._buffered)

    def close(self) -> None:
        super().close()
        self._buffered.close()


class MemberFile:
    """A file in a zip archive, by its name in it: ``sales.zip/february.csv``."""

    def __init__(self, owner: StoredFile, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
        self.name = f"{owner.name}/{member.filename}"
        self.size = member.file_size
        self._owner = owner
        self._archive = archive  # open as long as one of its members may be read
        self._member = member

    def open(self) -> io.RawIOBase:
        """See :class:`penstock.files.stored_file.StoredFile`."""
        with _unpacking(self.name):
            return _MemberReader(self, self._archive.open(self._member))

    def require_unchanged(self) -> None:
        """See :class:`penstock.files.stored_file.StoredFile`."""
        self._owner.require_unchanged()


class _MemberReader(io.RawIOBase):
    def __init__(self, owner: MemberFile, stream: Any) -> None:
        self._owner = owner  # keeps the archive open
        self._stream = stream
        self._name = owner.name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self._stream.tell())

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        with _unpacking(self._name):
            return int(self._stream.seek(offset, whence))

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        with _unpacking(self._name):
            return int(self._stream.readinto(buffer))

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Guarded:
    """A stream whose errors of unpacking are errors of the source."""

    def __init__(self, stream: Stream, name: str) -> None:
        self._stream = stream
        self._name = name

    def readinto(self, buffer: memoryview, /) -> int | None:
        """See :class:`Stream`."""
        with _unpacking(self._name):
            return self._stream.readinto(buffer)


class _Decompressed(io.RawIOBase):
    """A stream through a decompressor of the standard library, whose own files ignore what follows damaged."""

    def __init__(self, stored: io.RawIOBase, decompressor: Any) -> None:
        self._stored = stored
        self._new = decompressor
        self._one = decompressor()
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        while True:
            if self._one.eof and not self._next():
                return 0
            if self._one.needs_input and not self._rest:
                self._rest = self._stored.read(_PIECE) or b""
                if not self._rest:
                    raise EOFError("it ends before its packed data do")
            data = self._one.decompress(self._rest, len(buffer))
            self._rest = self._one.unused_data if self._one.eof else b""
            if data:
                buffer[: len(data)] = data
                return len(data)

    def _next(self) -> bool:
        """Whether another stream follows; xz pads with zeros."""
        self._rest = self._rest or self._stored.read(_PIECE) or b""
        if self._new is lzma.LZMADecompressor:
            while self._rest and not self._rest.strip(b"\0"):
                self._rest = self._stored.read(_PIECE) or b""
            self._rest = self._rest.lstrip(b"\0")
        if self._rest:
            self._one = self._new()
        return bool(self._rest)


def _unpacked(stored: io.RawIOBase, head: bytes, name: str) -> Stream:
    for magic, codec in _PACKED.items():
        if head.startswith(magic):
            return pa.CompressedInputStream(pa.PythonFile(stored, mode="r"), codec)  # type: ignore[no-any-return]
    for magic, decompressor in _STANDARD.items():
        if head.startswith(magic):
            return _Decompressed(stored, decompressor)
    if head.startswith(ZIP):
        return _only_member(stored, name)
    for magic, (what, hint) in _FOREIGN.items():
        if head.startswith(magic):
            raise SourceError(f"'{name}' {what}", hint=hint)
    return stored


def _only_member(stored: io.RawIOBase, name: str) -> Stream:
    # Objects of a store are fetched in pieces of what is read at once.
    archive = zipfile.ZipFile(io.BufferedReader(stored, _BUFFER))
    found = _data_members(archive, name)
    if len(found) > 1:
        raise SourceError(f"'{name}' holds {len(found)} files, not one", hint="unpack it")
    return archive.open(found[0])  # type: ignore[return-value]


def _data_members(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """The members that are files of data."""
    found = [
        member
        for member in archive.infolist()
        if not member.is_dir()
        and "__MACOSX/" not in member.filename
        and not member.filename.rpartition("/")[2].startswith(".")
    ]
    names = {member.filename for member in found}
    if _holds_workbook(names):
        raise SourceError(f"'{name}' is a workbook", hint=_SAY)
    if not found:
        raise SourceError(f"'{name}' holds no file", hint="check the file")
    for member in found:
        whose = f"{name}/{member.filename}" if len(found) > 1 else name
        with _unpacking(whose), archive.open(member) as stream:
            if stream.read(4) == b"PAR1":
                raise SourceError(f"'{name}' holds a Parquet file: {member.filename}", hint="unpack it")
    return found


@contextmanager
def _unpacking(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno is None:  # not the system's error, but a decompressor's
            what = "ends before its packed data do" if "Truncated" in str(error) else "is packed, and damaged"
            raise SourceError(f"'{name}' {what}", hint="fetch it again from where it came") from error
        with translated(name):
            raise
    except (EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError) as error:
        raise SourceError(
            f"'{name}' cannot be unpacked: {error}", hint="fetch it again, or unpack it"
        ) from error
