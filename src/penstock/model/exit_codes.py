"""The exit codes of commands; `docs/reference/exit-codes.md` documents them."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


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
    TOO_MANY_REJECTS = 3, "more rows were rejected than allowed; nothing was changed"
    # 4 is unused: pytest's 4 is a usage error; its 5 means no tests, as here.
    NOTHING = 5, "nothing to do, or nothing happened"
    INTERRUPTED = 130, "interrupted by Ctrl-C"  # 128 + SIGINT, as shells have it
    READER_GONE = 141, "the reader of the output is gone, such as `head`"  # 128 + SIGPIPE


class DiffCode(_Code):
    """The exit codes of `penstock diff`, which are those of `diff`."""

    SAME = 0, "both hold the same rows"
    DIFFERENT = 1, "they differ"
    NOT_COMPARED = 2, "they could not be compared"
