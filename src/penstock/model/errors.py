"""The errors a user may meet: each says what happened, and what to do next, and holds no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from penstock.model.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.land_result import LandResult
    from penstock.model.result import CopyResult


class PenstockError(Exception):
    """Something the user can act upon.

    Args:
        message: What happened, to which row of what. Must hold no secret.
        hint: What to do next, if that is known.

    Example:
        >>> str(PenstockError("no file 'sales.csv'", hint="check the path"))
        "no file 'sales.csv'"
    """

    exit_code: ClassVar[int] = ExitCode.FAILED

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(PenstockError):
    """The request makes no sense as it stands: a wrong option, an unknown mode, a malformed address."""

    exit_code = ExitCode.USAGE


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

    exit_code = ExitCode.TOO_MANY_REJECTS


class AccountMismatch(PenstockError):
    """Rows read and rows accounted for differ: an error in Penstock itself. Nothing was published."""


class NothingDone(PenstockError):
    """Nothing failed and nothing was done: no row loaded, no task run, no file to parse."""

    exit_code = ExitCode.NOTHING


class NothingLoaded(NothingDone):
    """Every row of a copy was rejected. The copy is committed: its account and its rejects are kept.

    Args:
        result: The account.
        tables: Where all tables of a schema were copied, the account of each; ``result`` is their total then.

    Not run by the tests: the file is missing.

    Example:
        >>> try:  # doctest: +SKIP
        ...     penstock.copy("sales.csv", "warehouse:raw.sales")
        ... except NothingLoaded as nothing:
        ...     print(nothing.result.rejects)
        {'bad_type': 3}
    """

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        *,
        result: CopyResult,
        tables: Mapping[str, CopyResult] | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.result = result
        self.tables = tables or {}


class NothingLanded(NothingDone):
    """No answer of a landing holds a record, or there was nothing to ask. What came is kept.

    Args:
        result: The account.
    """

    def __init__(self, message: str, hint: str | None = None, *, result: LandResult) -> None:
        super().__init__(message, hint)
        self.result = result
