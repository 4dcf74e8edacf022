"""JSON Lines, arrays and objects: every value as its exact text, so that no digit is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

import numpy as np
import pyarrow as pa

from penstock.files.blocks import Block, Sizes, read_blocks
from penstock.files.decoding import Encoding, opened
from penstock.files.first_record import require_distinct, require_few
from penstock.files.json_values import read_values
from penstock.files.record_splitter import Dialect
from penstock.files.record_text import RecordTexts, find_texts, is_bad, reject_bad, reject_broken
from penstock.files.stored_file import StoredFile
from penstock.model.columns import MOST_COLUMNS
from penstock.model.errors import SourceError
from penstock.model.file_options import FileOptions
from penstock.model.result import Reason, Reject
from penstock.ports import Batch

_LINES = Dialect(",", None)


class JsonLinesFormat:
    """Reads files of one JSON object a line.

    Raises:
        UsageError: If the encoding is unknown.
    """

    def __init__(self, options: FileOptions, sizes: Sizes) -> None:
        self._encoding = Encoding(options.encoding)
        self._sizes = sizes
        self._table: frozenset[str] = frozenset()

    def columns(self, files: Sequence[StoredFile]) -> tuple[str, ...]:
        """The keys of all lines of all files, in the order in which they first appear."""
        keys: dict[str, None] = {}
        held = False
        for file in files:
            for block in self._blocks(file):
                _, rows, bad = self._rows(block)
                for row in rows:
                    if row.keys() - keys.keys():
                        keys.update(dict.fromkeys(row))
                        self._require_few(keys, row, file.name)
                held = held or bool(rows or bad) or block.broken is not None
        if held and not keys:
            raise SourceError(
                f"'{files[0].name}' has no columns: no JSON object in it has a key", hint="check the file"
            )
        require_distinct(tuple(keys), files[0].name)
        return tuple(keys)

    def _require_few(self, keys: Collection[str], row: Row, name: str) -> None:
        if len(keys) <= MOST_COLUMNS or self._table:
            return
        if sum((value or "").startswith(("{", "[")) for value in row.values()) * 2 > len(row) > 1:
            raise SourceError(
                f"'{name}' has an object of {len(row):,} keys; a table holds at most {MOST_COLUMNS:,} columns",
                hint="its values look like records: make them a list, each with its key, as in"
                " jq -c 'to_entries[] | {id: .key} + .value'",
            )
        require_few(len(keys), self._table, name)

    def fit(self, table: Collection[str]) -> None:
        """Every value is beside its column's name; only a new table limits the number of columns."""
        self._table = frozenset(table)

    def layout(self) -> dict[str, Any]:
        """Nothing: every value is beside its name."""
        return {}

    def header(self, files: Sequence[StoredFile]) -> tuple[str, ...]:
        """The keys of all lines of all files."""
        return self.columns(files)

    def batches(self, index: int, file: StoredFile, columns: tuple[str, ...]) -> Iterator[Batch]:
        """The rows of one file, in these columns."""
        for block in self._blocks(file):
            good, rows, bad = self._rows(block)
            rejects = reject_broken(index, block, self._encoding)
            rejects += [self._reject(index, block, at, error) for at, error in bad]
            arrays = [pa.array([row.get(name) for row in rows], pa.large_string()) for name in columns]
            kept = np.array(good, np.int64)
            texts = RecordTexts(block.data, block.starts[kept], block.ends[kept], self._encoding)
            batch = pa.RecordBatch.from_arrays(arrays, list(columns))
            yield Batch(index, batch, block.lines[kept], texts, rejects, json=_JsonTexts(block, good))

    def raw(self, file: StoredFile, lines: Collection[int]) -> dict[int, str]:
        """The lines of these numbers."""
        return find_texts(self._blocks(file), lines, self._encoding)

    def _blocks(self, file: StoredFile) -> Iterator[Block]:
        with opened(file, self._encoding) as text:
            blocks = read_blocks(text, _LINES, self._sizes)
            first = next(blocks, None)
            if first is None:
                return
            if first.data[: first.end].lstrip()[:1] == b"[":
                raise SourceError(f"'{file.name}' is a JSON array, not JSON Lines", hint="add --format json")
            yield from chain([first], blocks)

    def _rows(self, block: Block) -> tuple[list[int], list[Row], list[tuple[int, ValueError]]]:
        """Positions of the valid lines, their rows, and the errors of the others."""
        good: list[int] = []
        rows: list[Row] = []
        bad: list[tuple[int, ValueError]] = []
        for at, (begin, end) in enumerate(zip(block.starts.tolist(), block.ends.tolist(), strict=True)):
            line = block.data[begin:end]
            if not line.strip():
                continue
            try:
                rows.append(read_object(line.decode()))
                good.append(at)
            except ValueError as error:
                bad.append((at, error))
        return good, rows, bad

    def _reject(self, file: int, block: Block, at: int, error: ValueError) -> Reject:
        line, data = int(block.lines[at]), block.record(at)
        if is_bad(data):
            return reject_bad(file, line, data, self._encoding)
        if isinstance(error, NoText):
            return Reject(file, line, self._encoding.escape(data), Reason.BAD_ENCODING, None, str(error))
        return Reject(file, line, self._encoding.show(data), Reason.MALFORMED, None, str(error))


@dataclass(frozen=True, slots=True)
class _JsonTexts:
    """The JSON texts of one member of some objects, parsed again on demand."""

    block: Block
    good: list[int]

    def __call__(self, name: str) -> pa.Array:
        """The member's texts; null where it is null or absent."""
        texts = (member_texts(self.block.record(at).decode()).get(name) for at in self.good)
        return pa.array([None if text == "null" else text for text in texts], pa.large_string())


class JsonFormat(JsonLinesFormat):
    """Reads files with one JSON array of objects, or a sequence of objects, in any layout.

    The line of a row is the number of its object, counted from 1.
    """

    def _blocks(self, file: StoredFile) -> Iterator[Block]:
        with opened(file, self._encoding) as text:
            head = bytearray()
            while not head.strip():
                read = len(head)
                head = text.follow(head, self._sizes.block)
                if len(head) == read:
                    return
            yield from read_values(head, text, self._sizes)


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


def member_texts(line: str) -> dict[str, str]:
    """The JSON text of each member of an object that is known to be valid.

    Example:
        >>> member_texts('{"id": "123", "note": null}')
        {'id': '"123"', 'note': 'null'}
    """
    text = line.strip(_BLANK)
    return {key: text[at:end] for key, _, at, end in _members(text)}


def _with_texts(text: str, row: dict[str, object]) -> dict[str, object]:
    """The row, with values other than strings, numbers and null as their original text."""
    texts = dict(row)
    for key, value, at, end in _members(text):
        if value is not None and type(value) is not str:
            texts[key] = text[at:end]
    return texts


def _members(text: str) -> Iterator[tuple[str, object, int, int]]:
    """Each member of an object: its key, its value, and where the value begins and ends."""
    at = _NEXT.match(text, 1).end()  # type: ignore[union-attr]
    while text[at] != "}":
        key, at = scanstring(text, at + 1)
        at = _NEXT.match(text, text.index(":", at) + 1).end()  # type: ignore[union-attr]
        value, end = _scan(text, at)
        yield key, value, at, end
        at = _NEXT.match(text, end).end()  # type: ignore[union-attr]
        if text[at] == ",":
            at = _NEXT.match(text, at + 1).end()  # type: ignore[union-attr]


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
