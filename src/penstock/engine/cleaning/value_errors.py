"""Results of cleaning a value: valid, a fault, or left to the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from penstock.model.result import Reason

_MICROSECONDS = 6
_SHOWN = 80  # characters of a value in a message


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a value is invalid."""

    reason: Reason
    message: str


NO_VALUE: Final = Fault(Reason.MISSING, "missing value in a required column")


@dataclass(slots=True)
class Cleaned:
    """A column's values, null where missing or invalid, and the faults by position."""

    values: pa.Array
    faults: list[tuple[int, Fault]] = field(default_factory=list)


class Refused(Exception):
    """The value is invalid for the column's type."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(reason, message)


class Beyond(Exception):
    """The value exceeds the Arrow type, but the server may accept it."""


class NeedsServer(Exception):
    """A column has a value that only the server can check: clean again, with the column as text."""

    def __init__(self, column: str) -> None:
        super().__init__(f"column {column!r} has a value that only the server can judge")
        self.column = column


def bad_type(message: str) -> Refused:
    """The value does not have the type."""
    return Refused(Reason.BAD_TYPE, message)


def out_of_range(message: str) -> Refused:
    """The value is of the type's family, but out of range or too precise."""
    return Refused(Reason.OUT_OF_RANGE, message)


def too_precise(text: str, digits: int, held: int) -> Refused:
    """The time has more fraction digits than the column holds."""
    if held == _MICROSECONDS:
        return out_of_range(f"{quoted(text)} is more precise than a microsecond")
    return out_of_range(f"{quoted(text)} has {digits} fraction digits, the column holds {held}")


def quoted(text: str) -> str:
    r"""A value for a message: quoted, with control characters escaped, shortened.

    Example:
        >>> quoted("a\tb")
        "'a\\tb'"
    """
    shown = repr(text[:_SHOWN])
    if len(text) <= _SHOWN and len(shown) <= _SHOWN + 2:
        return shown
    return shown[: _SHOWN - 1] + "..." + shown[0]
