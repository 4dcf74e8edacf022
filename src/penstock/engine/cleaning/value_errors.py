"""What the cleaner says about one value: good as it stands here, refused, or for the server to decide."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from penstock.model.reject import Reason

_SHOWN = 80  # characters of a value in a message


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a value was refused."""

    reason: Reason
    message: str


NO_VALUE: Final = Fault(Reason.MISSING, "no value, and the column must have one")


@dataclass(slots=True)
class Cleaned:
    """A column's values, null where they are missing or bad, and what was wrong at which position."""

    values: pa.Array
    faults: list[tuple[int, Fault]] = field(default_factory=list)


class Refused(Exception):
    """A value that the column's type does not hold."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(reason, message)


class Beyond(Exception):
    """A value that no Arrow type of ours holds, but that the server's type may."""


class NeedsServer(Exception):
    """A column has a value that only the server can judge: clean again, with the column handed over as text."""

    def __init__(self, column: str) -> None:
        super().__init__(f"column {column!r} has a value that only the server can judge")
        self.column = column


def bad_type(message: str) -> Refused:
    """The value is not of the type at all."""
    return Refused(Reason.BAD_TYPE, message)


def out_of_range(message: str) -> Refused:
    """The value is of the type's family, but the type cannot hold it exactly."""
    return Refused(Reason.OUT_OF_RANGE, message)


def quoted(text: str) -> str:
    r"""A value as a message shows it: quoted, control characters escaped, shortened.

    Example:
        >>> quoted("a\tb")
        "'a\\tb'"
    """
    shown = repr(text[:_SHOWN])
    if len(text) <= _SHOWN and len(shown) <= _SHOWN + 2:
        return shown
    return shown[: _SHOWN - 1] + "..." + shown[0]
