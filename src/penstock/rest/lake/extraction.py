"""Extracts text columns from records by path, one column at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from penstock.model.api import Answers
from penstock.model.json_path import parts
from penstock.model.result import Reason
from penstock.rest.lake.exact_json import as_text, is_text, render

_TEXT = pa.large_string()
_PLAIN = (str, type(None))


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record cannot become a row."""

    reason: Reason
    column: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Found:
    """Records, and facts about their answers.

    Args:
        records: The records.
        about: The facts about each record's answer: ``status``, ``url``, ``request`` and so on.
    """

    records: list[Any] = field(default_factory=list)
    about: list[Mapping[str, Any]] = field(default_factory=list)


class Extraction:
    """Extracts columns from records.

    Args:
        answers: Declares the columns.
        names: The columns found in the data, used if `answers` declares none.
    """

    def __init__(self, answers: Answers, names: Sequence[str] = ()) -> None:
        self.columns = tuple(answers.paths or names)
        self._paths = {name: _steps(path) for name, path in answers.paths.items()}

    def rows(self, found: Found) -> tuple[pa.RecordBatch, dict[int, Fault]]:
        """Return the records as rows of text, and the faults by row; a record with a fault also has a row."""
        faults: dict[int, Fault] = {}
        if self._paths:
            values = self._by_paths(found, faults)
        else:
            flat = [flatten(record) for record in found.records]
            values = [[row.get(name) for row in flat] for name in self.columns]
            names = set(self.columns)
            for at, record in enumerate(found.records):
                if not isinstance(record, dict):
                    faults[at] = Fault(
                        Reason.MALFORMED, None, "the record is not an object, and no columns are declared"
                    )
                elif not (names >= flat[at].keys() or all(map(is_text, flat[at]))):
                    faults[at] = Fault(
                        Reason.BAD_ENCODING, None, "the name of a member holds a NUL or a lone surrogate"
                    )
        arrays = [
            self._texts(name, column, faults) for name, column in zip(self.columns, values, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, list(self.columns)), faults

    def _by_paths(self, found: Found, faults: dict[int, Fault]) -> list[list[Any]]:
        # Common prefixes of paths are resolved once.
        walked: dict[tuple[str, ...], list[Any]] = {(): found.records, ("$",): list(found.about)}
        return [self._walk(name, self._paths[name], walked, faults) for name in self.columns]

    def _walk(
        self,
        name: str,
        steps: tuple[str, ...],
        walked: dict[tuple[str, ...], list[Any]],
        faults: dict[int, Fault],
    ) -> list[Any]:
        for length in range(1, len(steps) + 1):
            prefix = steps[:length]
            if prefix not in walked:
                step, before = steps[length - 1], walked[prefix[:-1]]
                walked[prefix] = [
                    one.get(step) if type(one) is dict else _member(one, step) for one in before
                ]
        values = walked[steps]
        if _ODD in values:
            self._note_odd(name, steps, walked, faults)
            values = [None if value is _ODD else value for value in values]
        return values

    def _note_odd(
        self,
        name: str,
        steps: tuple[str, ...],
        walked: dict[tuple[str, ...], list[Any]],
        faults: dict[int, Fault],
    ) -> None:
        for at, value in enumerate(walked[steps]):
            if value is _ODD and at not in faults:
                length = next(n for n in range(len(steps) + 1) if walked[steps[:n]][at] is _ODD) - 1
                what = ".".join(steps[:length]) or "the record"
                shown = as_text(walked[steps[:length]][at])
                faults[at] = Fault(
                    Reason.BAD_TYPE, name, f"{what} is {str(shown)[:80]!r}, and has no {steps[length]!r}"
                )

    def _texts(self, name: str, values: list[Any], faults: dict[int, Fault]) -> pa.Array:
        try:
            array = pa.array(values, _TEXT)
        except (TypeError, pa.ArrowException, UnicodeEncodeError):
            values = [as_text(value) for value in values]
        else:
            if not _may_hold_nul(array):
                return array
        for at, value in enumerate(values):
            if value is not None and not is_text(value):
                faults.setdefault(
                    at, Fault(Reason.BAD_ENCODING, name, f"{name} holds a NUL or a lone surrogate")
                )
                values[at] = None
        return pa.array(values, _TEXT)


class _Odd:
    """Placeholder for a path through a value that has no members."""


_ODD = _Odd()


def _member(value: Any, step: str) -> Any:
    if value is None:
        return None
    if value is _ODD:
        return _ODD
    if type(value) is list and step.lstrip("-").isdigit():
        return value[int(step)] if -len(value) <= int(step) < len(value) else None
    return _ODD


def _may_hold_nul(array: pa.Array) -> bool:
    content = array.buffers()[2]
    return content is not None and b"\0" in memoryview(content).tobytes()


def _steps(path: str) -> tuple[str, ...]:
    if path == ".":
        return ()
    if path.startswith("$") and not path.startswith("$."):
        return ("$", *parts(path.removeprefix("$")))
    return parts(path)


def flatten(record: Any) -> dict[str, str | None]:
    """Return the members of an object; nested names are joined with ``_``, and lists become JSON text.

    Example:
        >>> flatten({"id": "1", "main": {"temp": "280.1"}})
        {'id': '1', 'main_temp': '280.1'}
    """
    flat: dict[str, str | None] = {}
    # A stack instead of recursion: a record may be nested deeply.
    todo = [("", iter(record.items()))] if isinstance(record, dict) else []
    while todo:
        before, members = todo[-1]
        for name, value in members:
            if isinstance(value, dict) and value:
                todo.append((f"{before}{name}_", iter(value.items())))
                break
            flat[f"{before}{name}"] = as_text(value)
        else:
            todo.pop()
    return flat


def record_text(record: Any) -> str:
    """Return a record's text for quarantine, with characters that every database can store."""
    return render(record).encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
