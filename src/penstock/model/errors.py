"""Errors for users: each says what happened and what to do, and holds no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from penstock.model.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.land_result import LandResult
    from penstock.model.result import CopyResult


class PenstockError(Exception):
    """An error that the user can act upon.

    Args:
        message: What happened, without secrets.
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
    """Invalid usage: a wrong option, an unknown mode, a malformed address."""

    exit_code = ExitCode.USAGE


class SourceError(PenstockError):
    """The source cannot be read: missing, unreadable, changed during the copy, or not in its declared format."""


class NoSuchObject(SourceError):
    """There is no object with this key."""


class ConnectionFailed(PenstockError):
    """A system cannot be connected to: unknown name, server down, wrong login."""


class Refused(ConnectionFailed):
    """A system rejects the key or login; retrying does not help."""


class ContractError(PenstockError):
    """Source and target do not match: one of them lacks a table or column."""


class TargetError(PenstockError):
    """The target failed the copy as a whole: missing privilege, disk full, connection lost, table altered meanwhile."""


class TooManyRejects(PenstockError):
    """More rows were rejected than the plan allows. Nothing was published."""

    exit_code = ExitCode.TOO_MANY_REJECTS


class AccountMismatch(PenstockError):
    """The account does not add up: a bug in Penstock. Nothing was published."""


class NothingDone(PenstockError):
    """Nothing failed and nothing was done: no row loaded, no task run, no file to parse."""

    exit_code = ExitCode.NOTHING


class NothingLoaded(NothingDone):
    """Every row of a copy was rejected. The copy is committed: its account and its rejects are kept.

    Args:
        result: The account.
        tables: The account of each table, if a schema was copied; ``result`` is then their total.

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
    """No answer of a landing holds a record, or the plan has no rows. All answers are kept.

    Args:
        result: The account.
    """

    def __init__(self, message: str, hint: str | None = None, *, result: LandResult) -> None:
        super().__init__(message, hint)
        self.result = result
