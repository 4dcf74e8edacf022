"""A stored file as a stream of UTF-8: unpacked by its first bytes, decoded from its declared encoding."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from penstock.files.packing import Stream, unpacked
from penstock.files.stored_file import StoredFile
from penstock.model.errors import SourceError, UsageError

_BOM = codecs.BOM_UTF8
_UTF8 = ("utf-8", "utf-8-sig")
_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")
_NO_FILES = ("idna", "punycode", "undefined")

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Encoding:
    """The declared encoding of a file, and how its text is shown.

    Bytes that mean nothing in the encoding come out as U+DC00 + byte, encoded like any character. That is invalid
    UTF-8, so they are found where bad UTF-8 is found, and can be shown.

    Raises:
        UsageError: If Python knows no such text encoding.
    """

    def __init__(self, name: str) -> None:
        try:
            self.name = codecs.lookup(name).name
            with suppress(UnicodeDecodeError):
                b"?".decode(name)  # no text encoding (hex, zip) raises LookupError here
        except (LookupError, ValueError) as error:
            raise UsageError(
                f"unknown encoding {name!r}", hint="for instance utf-8, utf-16, latin-1, cp1252"
            ) from error
        if self.name in _NO_FILES:
            raise UsageError(
                f"{name!r} is not an encoding of files", hint="for instance utf-8, utf-16, cp1252"
            )
        self.decodes = self.name not in _UTF8

    def show(self, data: bytes | bytearray) -> str:
        r"""These bytes of the stream as text that any database can hold; other bytes are written ``\xNN``."""
        if self.decodes:
            text = data.decode("utf-8", "surrogatepass")
            text = re.sub("[\udc00-\udcff]", lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", text)
        else:
            text = data.decode("utf-8", "backslashreplace")
        return text.replace("\0", "\\x00")

    def escape(self, data: bytes | bytearray) -> str:
        r"""The same, for :func:`unescape` to undo: ``\x`` in the text is written ``\x5cx``."""
        return self.show(data.replace(b"\\x", b"\\x5cx"))


def unescape(text: str) -> bytes:
    r"""The bytes that :meth:`Encoding.escape` showed, in UTF-8.

    Example:
        >>> unescape(r"caf\xe9 \x5cx41")
        b'caf\xe9 \\x41'
    """
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), text.encode())


class Utf8Stream:
    """A file's text as UTF-8 without byte order mark."""

    def __init__(self, file: StoredFile, stream: Stream, encoding: Encoding) -> None:
        self._file = file
        self._stream = stream
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding.name)("penstock") if encoding.decodes else None
        self._begun = False

    def follow(self, rest: bytes | bytearray, size: int) -> bytearray:
        """The rest, followed by about so many more bytes; by none at the end."""
        if not self._begun:
            self._begun = True
            return self._first(rest, size)
        return self._follow(rest, size)

    def _first(self, rest: bytes | bytearray, size: int) -> bytearray:
        head = self._follow(b"", max(size, len(_BOM)))
        if self._decoder is None and head[:2] in _UTF16:
            raise SourceError(f"'{self._file.name}' is not valid UTF-8", hint="add --encoding utf-16")
        head = head.removeprefix(_BOM)
        return bytearray(rest) + head if head else self._follow(rest, size)

    def _follow(self, rest: bytes | bytearray, size: int) -> bytearray:
        if self._decoder is None:
            return self._read(rest, size)
        while True:
            data = self._read(b"", size)
            text = self._decode(data)
            if text or not data:
                return bytearray(rest) + text.encode("utf-8", "surrogatepass")

    def _decode(self, data: bytearray) -> str:
        assert self._decoder is not None  # the caller looked
        try:
            return self._decoder.decode(data, final=not data)
        except UnicodeError as error:  # of a stream without a mark; bytes that mean nothing raise none
            name = self._encoding.name
            raise SourceError(
                f"'{self._file.name}' cannot be read as {name}: it has no byte order mark",
                hint=f"pass --encoding {name}-le or --encoding {name}-be, or leave it to be detected",
            ) from error

    def _read(self, rest: bytes | bytearray, size: int) -> bytearray:
        # Read in place: a copy of every block costs a fifth of the time that parsing it takes.
        data = bytearray(len(rest) + size)
        data[: len(rest)] = rest
        with memoryview(data) as view:
            count = self._stream.readinto(view[len(rest) :]) or 0
        del data[len(rest) + count :]
        return data


@contextmanager
def opened(file: StoredFile, encoding: Encoding) -> Iterator[Utf8Stream]:
    """The file's text, while the block lasts.

    Raises:
        SourceError: If it is packed in a way that is not supported.
    """
    with unpacked(file) as plain:
        yield Utf8Stream(file, plain, encoding)


def _as_surrogates(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("penstock", _as_surrogates)
