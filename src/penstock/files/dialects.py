"""Delimiters as people write them, and as a file's name suggests."""

from __future__ import annotations

import re

from penstock.files.record_splitter import Dialect
from penstock.model.file_options import FileOptions

_PACKED = (".gz", ".zst", ".zip")
_TABS = (".tsv", ".tab")
_ESCAPES = re.compile(r"\\t|\\x[0-9a-fA-F]{2}")


def usual_delimiter(name: str) -> str:
    r"""The delimiter that a file's name suggests.

    Example:
        >>> usual_delimiter("sales.TSV.gz"), usual_delimiter("sales.txt")
        ('\t', ',')
    """
    stem = name.lower()
    for suffix in _PACKED:
        stem = stem.removesuffix(suffix)
    return "\t" if stem.endswith(_TABS) else ","


def unescaped(delimiter: str) -> str:
    r"""A delimiter that was typed in a shell, where a tab is two characters.

    Example:
        >>> unescaped("\\t"), unescaped("\\x01"), unescaped(";")
        ('\t', '\x01', ';')
    """
    if not _ESCAPES.fullmatch(delimiter):
        return delimiter
    return "\t" if delimiter == "\\t" else chr(int(f"0{delimiter[1:]}", 0))


def shown(delimiter: str) -> str:
    r"""A delimiter as it is written on a command line.

    Example:
        >>> shown(";"), shown("\t"), shown("\x01")
        ("';'", "'\\t'", "'\\x01'")
    """
    text = (
        "\\t" if delimiter == "\t" else delimiter if delimiter.isprintable() else f"\\x{ord(delimiter):02x}"
    )
    return f"'{text}'"


def dialect_of(options: FileOptions, name: str) -> Dialect:
    """How the fields of a file of this name are separated and quoted.

    Raises:
        UsageError: If the options make no sense.
    """
    delimiter = usual_delimiter(name) if options.delimiter is None else unescaped(options.delimiter)
    blanks = len(delimiter) > 1 and not delimiter[1:].strip(" ")
    return Dialect(delimiter[:1] if blanks else delimiter, options.quote, blanks, options.comment)


def written(dialect: Dialect) -> str:
    """The delimiter of a dialect as the option says it."""
    return dialect.delimiter + " " * dialect.blanks
