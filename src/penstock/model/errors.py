"""Errors for users: each says what happened and what to do, and holds no secret; and the exit codes."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import ClassVar, Self

# Up to the last @ of a word: a password that is typed may hold any character.
_LOGIN = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)(?!login:password@)(?P<login>[^\s@:'\"]*:[^\s]*)@", re.IGNORECASE
)
_PASSWORD = re.compile(r"(?P<name>[?&]\w*(?:password|secret|token)\w*=)[^&\s'\"]+", re.IGNORECASE)


def masked(text: str) -> str:
    """The text without the logins and passwords of URLs in it.

    Example:
        >>> masked("postgres://etl:p@ss/word@db/dwh?sslpassword=x"), masked("s3://archive@bucket/a")
        ('postgres://***@db/dwh?sslpassword=***', 's3://archive@bucket/a')
    """
    return _PASSWORD.sub(r"\g<name>***", _LOGIN.sub(r"\g<scheme>***@", text))


class _Code(IntEnum):
    """A code and its meaning."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code


class ExitCode(_Code):
    """The exit codes of all commands except `diff` and those that return another program's.

    Example:
        >>> int(ExitCode.NOTHING), ExitCode.NOTHING.meaning
        (5, 'nothing to do, or nothing happened')
    """

    DONE = 0, "done, or done before"
    FAILED = 1, "failed, or found something wrong"
    USAGE = 2, "invalid usage: an unknown option, or an invalid request"
    TOO_MANY_REJECTS = 3, "more rows were rejected than allowed, or a check failed; nothing was changed"
    # 4 is unused: pytest's 4 is a usage error; its 5 means no tests, as here.
    NOTHING = 5, "nothing to do, or nothing happened"
    INTERRUPTED = 130, "interrupted by Ctrl-C"  # 128 + SIGINT, as shells have it
    READER_GONE = 141, "the reader of the output is gone, such as `head`"  # 128 + SIGPIPE


class DiffCode(_Code):
    """The exit codes of `penstock diff`, which are those of `diff`."""

    SAME = 0, "both hold the same rows"
    DIFFERENT = 1, "they differ"
    NOT_COMPARED = 2, "they could not be compared"


class PenstockError(Exception):
    """An error that the user can act upon.

    Args:
        message: What happened, without secrets; passwords in URLs are masked.
        hint: What to do next, if that is known.

    Example:
        >>> str(PenstockError("no file 'sales.csv'", hint="check the path"))
        "no file 'sales.csv'"
    """

    exit_code: ClassVar[int] = ExitCode.FAILED

    def __init__(self, message: str, hint: str | None = None) -> None:
        self.message = masked(message)
        self.hint = None if hint is None else masked(hint)
        super().__init__(self.message)


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


class CheckFailed(PenstockError):
    """A check of the table failed after its rows were loaded. Nothing was published."""

    exit_code = ExitCode.TOO_MANY_REJECTS


class AccountMismatch(PenstockError):
    """The account does not add up: a bug in Penstock. Nothing was published."""


class NothingDone(PenstockError):
    """Nothing failed and nothing was done: no row loaded, no task run, no file to parse."""

    exit_code = ExitCode.NOTHING
