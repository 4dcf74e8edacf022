"""The format of a file by its content, and by its name where the content says nothing."""

from __future__ import annotations

import re
from pathlib import Path

from penstock.files.blocks import RECORD_BYTES
from penstock.files.decoding import Encoding, opened
from penstock.files.json_values import is_balanced
from penstock.files.packing import is_workbook, stored_magic
from penstock.files.stored_file import StoredFile
from penstock.model.errors import SourceError
from penstock.model.file_options import FileOptions, Format

_PACKED = (".gz", ".zst", ".zip", ".bz2", ".xz")
_FORMATS: dict[str, Format] = {".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_HEAD_BYTES = 64 << 10
_BLANK = b" \t\r\n"
_MARKUP = re.compile(rb"<\?xml\s|<!doctype\s|<html[\s>]", re.IGNORECASE)
_OBJECTS = re.compile(rb'\[?\s*(?:\{\s*(?:["}]|$)|\]|$)')


def format_of(name: str) -> Format:
    """The format that a file's name says.

    Example:
        >>> format_of("2013/labor.parquet"), format_of("labor.jsonl.gz"), format_of("labor")
        ('parquet', 'jsonl', 'csv')
    """
    path = Path(name.lower())
    if path.suffix in _PACKED:
        path = path.with_suffix("")
    return _FORMATS.get(path.suffix, "csv")


def recognise(file: StoredFile, options: FileOptions) -> Format:
    """The format that a file's content says.

    Raises:
        SourceError: If the content begins like JSON and is none.
    """
    named = format_of(file.name)
    if named == "parquet" or stored_magic(file).startswith(b"PAR1"):
        return "parquet"
    if is_workbook(file):
        return "excel"
    encoding = Encoding(options.encoding)
    with opened(file, encoding) as text:
        head = text.follow(b"", _HEAD_BYTES)
        while (read := len(head)) and (_is_blank(head) or not _has_line(head)) and read < RECORD_BYTES:
            head = text.follow(head, read)
            if len(head) == read:
                break
    content = bytes(head.lstrip(_BLANK))
    if named == "csv" and (found := _MARKUP.match(content)):
        what = "XML" if found[0].startswith(b"<?") else "HTML"
        raise SourceError(f"'{file.name}' is {what}", hint="get the data as CSV or JSON")
    if content[:1] not in (b"{", b"["):
        return named
    if named == "csv" and not _OBJECTS.match(content):
        raise SourceError(
            f"'{file.name}' begins with {content[:1].decode()!r}, as JSON does, and holds no JSON objects there",
            hint="if it is CSV, say so: --format csv",
        )
    line = content.splitlines()[0]
    return "jsonl" if content[:1] == b"{" and is_balanced(line) else "json"


def _is_blank(head: bytearray) -> bool:
    return not head.strip(_BLANK)


def _has_line(head: bytearray) -> bool:
    """Whether what begins like JSON is there with its first line."""
    content = bytes(head.lstrip(_BLANK))
    return content[:1] != b"{" or b"\n" in content or b"\r" in content
