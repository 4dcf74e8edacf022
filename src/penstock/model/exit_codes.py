"""What the exit codes of commands mean; `docs/reference/exit-codes.md` lists them."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class _Code(IntEnum):
    """A number and what it means."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code


class ExitCode(_Code):
    """The exit codes of all commands but `diff` and those that pass on another program's.

    Example:
        >>> int(ExitCode.NOTHING), ExitCode.NOTHING.meaning
        (5, 'nothing to do, or nothing happened')
    """

    DONE = 0, "done, or done before"
    FAILED = 1, "failed, or found something wrong"
    USAGE = 2, "invalid usage: an unknown option, or a request that makes no sense"
    TOO_MANY_REJECTS = 3, "more rows were rejected than allowed; nothing was changed"
    # 4 stays free, for pytest's 4 is a usage error; its 5, no tests, means the same.
    NOTHING = 5, "nothing to do, or nothing happened"
    INTERRUPTED = 130, "interrupted by Ctrl-C"  # 128 + SIGINT, as shells have it
    READER_GONE = 141, "the reader of the output is gone, as behind `head`"  # 128 + SIGPIPE


class DiffCode(_Code):
    """The exit codes of `penstock diff`, which are those of `diff`."""

    SAME = 0, "both hold the same rows"
    DIFFERENT = 1, "they differ"
    NOT_COMPARED = 2, "they could not be compared"
