"""JSON documents whose numbers keep their original text, so that no digit is lost."""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring
from json.scanner import make_scanner
from typing import Any

_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_BLANK = " \t\r\n"


class Number(str):
    """A number as it is written in the document."""

    __slots__ = ()


class _Between(str):
    """Text between the values of a document."""

    __slots__ = ()


_COMMA = _Between(", ")


class Malformed(ValueError):
    """The text is not a JSON document."""


class _Decoder(json.JSONDecoder):
    def __init__(self) -> None:
        super().__init__(parse_float=Number, parse_int=Number, parse_constant=Number)
        self.scan_once = make_scanner(self)  # type: ignore[arg-type]  # the stub is outdated


_scan = _Decoder().scan_once


def parse(text: str) -> Any:
    """Parse a document into objects, lists, strings, :class:`Number`, True, False and None.

    Raises:
        Malformed: The text is not a JSON document.

    Example:
        >>> parse('{"price": 1.10, "name": "pen"}')
        {'price': '1.10', 'name': 'pen'}
    """
    text = text.strip(_BLANK)
    try:
        document, end = _scan(text, 0)
    except json.JSONDecodeError as error:
        raise Malformed(f"invalid JSON: {error.msg} at character {error.pos + 1}") from None
    except StopIteration as error:
        raise Malformed(f"invalid JSON: missing value at character {error.value + 1}") from None
    except RecursionError:
        raise Malformed("invalid JSON: nested too deeply") from None
    if end != len(text):
        raise Malformed(f"invalid JSON: extra text after the document at character {end + 1}")
    return document


def is_json(body: bytes) -> bool:
    """Return whether the bytes are a JSON document in UTF-8.

    Example:
        >>> is_json(b'{"price": 1.10}'), is_json(b'{"price": 1.1')
        (True, False)
    """
    try:
        parse(body.decode("utf-8-sig"))
    except (UnicodeDecodeError, Malformed):
        return False
    return True


def render(value: Any) -> str:
    """Return the JSON text of a value, with the original digits.

    Example:
        >>> render(parse('{"price":   1.10}'))
        '{"price": 1.10}'
    """
    text: list[str] = []
    todo: list[Any] = [value]  # a stack of values and of texts between them: a document may be nested deeply
    while todo:
        one = todo.pop()
        kind = type(one)
        if kind is _Between or kind is Number:
            text.append(one)
        elif kind is str:
            text.append(encode_basestring(one))
        elif kind is dict:
            todo.append(_Between("}"))
            for key, member in reversed(one.items()):
                todo += (member, _Between(f", {encode_basestring(key)}: "))
            if one:
                todo[-1] = _Between(todo[-1][2:])
            todo.append(_Between("{"))
        elif kind is list:
            todo.append(_Between("]"))
            for member in reversed(one):
                todo += (member, _COMMA)
            if one:
                todo.pop()
            todo.append(_Between("["))
        else:
            text.append(json.dumps(one))
    return "".join(text)


def as_text(value: Any) -> str | None:
    """Return a value as column text: a string unchanged, None for null, anything else as its JSON text."""
    if value is None or type(value) is str:
        return value
    return render(value)


def is_text(value: str) -> bool:
    """Whether a database can store the text: no NUL, no lone surrogate."""
    return _NO_TEXT.search(value) is None
