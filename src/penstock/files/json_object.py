"""Parses one JSON object into exact texts."""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]

_BLANK = " \t\r\n"
_NEXT = re.compile(r"[ \t\r\n]*")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_TEXTS: set[type] = {str, type(None)}
_BOOLS = {True: "true", False: "false"}

Row = dict[str, str | None]


class Malformed(ValueError):
    """The text is not a JSON object."""


class NoText(ValueError):
    """A string holds characters that databases cannot store as text."""


class _Repeated(dict[str, object]):
    """An object with a duplicate key."""


def read_object(line: str) -> Row:
    """The members of the object: strings as values, anything else as its original JSON text.

    Raises:
        Malformed: If the line is not a JSON object, or a key is duplicate.
        NoText: If a string holds a NUL or a lone surrogate.

    Example:
        >>> read_object('{"id": 1.10, "tags": ["a",  2], "note": null}')
        {'id': '1.10', 'tags': '["a",  2]', 'note': None}
    """
    text = line.strip(_BLANK)
    row = _decoded(text)
    types = {type(value) for value in row.values()} - _TEXTS
    if types == {bool}:
        row = {key: _BOOLS[value] if type(value) is bool else value for key, value in row.items()}
    elif types:
        row = _with_texts(text, row)
    if "\\u" in text:
        _require_text(row)
    return row  # type: ignore[return-value]


def _decoded(text: str) -> dict[str, object]:
    try:
        row, end = _scan(text, 0)
    except json.JSONDecodeError as error:
        raise Malformed(f"invalid JSON: {error.msg} at character {error.pos + 1}") from error
    except StopIteration as error:
        raise Malformed(f"invalid JSON: a value is missing at character {error.value + 1}") from error
    except RecursionError as error:
        raise Malformed("nested too deeply") from error
    if end != len(text):
        raise Malformed(f"more than one JSON value: the second begins at character {end + 1}")
    if type(row) is not dict:
        raise Malformed("a key comes twice" if isinstance(row, _Repeated) else "not a JSON object")
    return row


def _with_texts(text: str, row: dict[str, object]) -> dict[str, object]:
    """The row, with values other than strings, numbers and null as their original text."""
    texts = dict(row)
    at = _NEXT.match(text, 1).end()  # type: ignore[union-attr]
    while text[at] != "}":
        key, at = scanstring(text, at + 1)
        at = _NEXT.match(text, text.index(":", at) + 1).end()  # type: ignore[union-attr]
        value, end = _scan(text, at)
        if value is not None and type(value) is not str:
            texts[key] = text[at:end]
        at = _NEXT.match(text, end).end()  # type: ignore[union-attr]
        if text[at] == ",":
            at = _NEXT.match(text, at + 1).end()  # type: ignore[union-attr]
    return texts


def _require_text(row: dict[str, object]) -> None:
    for key, value in row.items():
        if _NO_TEXT.search(key) or (isinstance(value, str) and _NO_TEXT.search(value)):
            raise NoText(f"{key!r} holds a NUL or a lone surrogate")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    row = dict(pairs)
    return row if len(row) == len(pairs) else _Repeated(row)


_scan = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=str, parse_int=str, parse_constant=str
).scan_once  # type: ignore[attr-defined]
