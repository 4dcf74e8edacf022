"""The errors a user may meet: each says what happened, and what to do next, and holds no secret."""

from __future__ import annotations

from typing import ClassVar


class PenstockError(Exception):
    """Something the user can act upon.

    Args:
        message: What happened, to which row of what. Must hold no secret.
        hint: What to do next, if that is known.

    Example:
        >>> str(PenstockError("no file 'sales.csv'", hint="check the path"))
        "no file 'sales.csv'"
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(PenstockError):
    """The request makes no sense as it stands: a wrong option, an unknown mode, a malformed address."""

    exit_code = 2


class SourceError(PenstockError):
    """The source cannot be read: missing, unreadable, changed while it was read, or not of its declared format."""


class NoSuchObject(SourceError):
    """A store holds no object of this key."""


class ConnectionFailed(PenstockError):
    """A system cannot be reached or entered: unknown name, server down, wrong login."""


class Refused(ConnectionFailed):
    """A system does not let this key or login in: asking again is in vain until somebody changes it."""


class ContractError(PenstockError):
    """Source and target do not fit together: a table or column that one of them lacks."""


class TargetError(PenstockError):
    """The target refused the copy as a whole: no right, disk full, connection lost, table altered meanwhile."""


class TooManyRejects(PenstockError):
    """More rows were rejected than the plan allows. Nothing was published."""

    exit_code = 3


class AccountMismatch(PenstockError):
    """Rows read and rows accounted for differ: an error in Penstock itself. Nothing was published."""
