"""Setup of the standard streams for any locale and reader, and the Rich console of all commands."""

from __future__ import annotations

import codecs
import io
import os
import re
import select
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, TextIO

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

_C = ("C", "POSIX")
_DUMB = ("dumb", "unknown")
_ERRORS = "penstock-output"
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_ASCII = str.maketrans("✓✗…·█", "+x~.#")


def prepare() -> None:
    """Make the standard streams safe to write to: all are open, and no character raises an error.

    In a C locale they are ASCII, although Python assumes UTF-8. On a terminal, characters outside the encoding are
    escaped; in a pipe they are written as UTF-8, because a program reads them.
    """
    _open_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            ascii_only = is_c_locale(os.environ) and not _is_chosen(os.environ)
            stream.reconfigure(
                encoding="ascii" if ascii_only else None,
                errors="backslashreplace" if stream.isatty() else _ERRORS,
            )


def is_c_locale(environment: Mapping[str, str]) -> bool:
    """Whether these variables select the C locale. Without any of them Python uses UTF-8.

    Example:
        >>> is_c_locale({"LANG": "en_US.UTF-8"}), is_c_locale({"LANG": "en_US.UTF-8", "LC_ALL": "C"})
        (False, True)
    """
    if everything := environment.get("LC_ALL"):
        return everything in _C
    characters = environment.get("LC_CTYPE")
    # If LANG is C, Python sets this to C.UTF-8 before any of our code runs.
    if characters and characters != "C.UTF-8":
        return characters in _C
    return environment.get("LANG") in _C


def is_watched(stream: TextIO | None) -> bool:
    """Whether this stream is a terminal that can rewrite a line."""
    return stream is not None and stream.isatty() and os.environ.get("TERM", "").lower() not in _DUMB


def echo(text: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a line. On a terminal, control characters are escaped: a rejected row could otherwise rewrite the screen.

    Example:
        >>> echo("3 rows")
        3 rows
    """
    stream = sys.stderr if err else sys.stdout
    shown = visible(str(text)) if stream is not None and stream.isatty() else text
    typer.echo(shown, err=err, nl=nl)  # noqa: TID251  # this is its one caller


def visible(text: str) -> str:
    r"""The text with control characters escaped, but not line breaks and tabs; also those that reverse text.

    Example:
        >>> visible("pen\x1b[2J\r\u202e")
        'pen\\x1b[2J\\r\\u202e'
    """
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def shows(text: str, stream: IO[str] | None) -> bool:
    """Whether the stream's encoding has all of these characters."""
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def legible(text: str, stream: TextIO | None = None) -> str:
    """The text with marks replaced that the stream cannot show. Default: standard output.

    Example:
        >>> legible("✓ █", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
        '+ #'
    """
    return text if shows(text, sys.stdout if stream is None else stream) else text.translate(_ASCII)


def flush() -> None:
    """Flush everything written, while an error can still be handled.

    Raises:
        OSError: If it cannot be written.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def discard_unwritable() -> None:
    """Discard what cannot be written, or the interpreter would try again at its end, and fail there."""
    for fd, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            _discard(fd)


def is_reader_gone() -> bool:
    """Whether the reader of our output is gone. If so, further output is discarded."""
    nowhere = Path(os.devnull).stat().st_rdev
    gone = [fd for fd in (1, 2) if _has_no_reader(fd)]
    for fd in gone:
        _discard(fd)
    return bool(gone) or os.fstat(1).st_rdev == nowhere  # Rich, which prints Typer's help, has raised first


def _discard(fd: int) -> None:
    opened = os.open(os.devnull, os.O_WRONLY)
    os.dup2(opened, fd)
    os.close(opened)


def _has_no_reader(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, 0)
    return bool(poll.poll(0))


def _open_closed() -> None:
    """Open closed standard streams on /dev/null: the next file to be opened must not take their place."""
    for fd, mode in ((0, "r"), (1, "w"), (2, "w")):
        try:
            os.fstat(fd)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # opens the lowest free number, which is this one
            assert opened == fd
            stream = open(fd, mode, encoding="utf-8", closefd=False)  # noqa: SIM115  # as long as the process
            setattr(sys, ("stdin", "stdout", "stderr")[fd], stream)


def _is_chosen(environment: Mapping[str, str]) -> bool:
    """Whether the user has set Python's encoding independently of the locale."""
    return bool(environment.get("PYTHONIOENCODING")) or environment.get("PYTHONUTF8") == "1"


def _as_bytes(error: UnicodeError) -> tuple[bytes, int]:
    """The error handler for characters that the encoding lacks: escape them, or write them as UTF-8."""
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end]
    if error.encoding in ("ascii", "utf-8"):
        try:
            return text.encode("utf-8", "surrogateescape"), error.end
        except UnicodeEncodeError:
            pass
    return text.encode("ascii", "backslashreplace"), error.end


codecs.register_error(_ERRORS, _as_bytes)


# Width of tables if the output is not a terminal.
_WIDTH = 160
_HEIGHT = 25


class PenstockConsole(Console):
    """Writes to a standard stream. A closed pipe raises an error for the caller to handle.

    Args:
        stderr: Write to standard error instead of standard output.
        soft_wrap: Let the terminal wrap long lines.

    Example:
        >>> PenstockConsole().print("[bold]warehouse[/bold] 3 rows")
        warehouse 3 rows
    """

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = False) -> None:
        stream = sys.stderr if stderr else sys.stdout
        watched = stream is not None and stream.isatty()
        self._watched = watched
        super().__init__(
            stderr=stderr,
            highlight=False,
            emoji=False,  # `:on:` may be part of a name
            soft_wrap=soft_wrap,
            width=None if watched else _WIDTH,
            height=None if watched else _HEIGHT,  # without one, Rich takes TERM=dumb for 80 columns
        )

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """See :class:`rich.console.Console`. On a terminal, control characters in texts are escaped."""
        for segment in super().render(renderable, options):
            if segment.control or not self._watched or _CONTROL.search(segment.text) is None:
                yield segment
            else:
                yield Segment(visible(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Raise the error again: Rich would end the process."""
        raise  # noqa: PLE0704  # Rich calls this while it handles the error
