"""The status of a command: a live line on a terminal, otherwise an occasional plain line."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from penstock.cli.terminal.streams import is_watched, shows

if TYPE_CHECKING:
    from rich.live import Live

    from penstock.cli.terminal.streams import PenstockConsole

EVERY_S = 5.0
_PER_SECOND = 8

_LOG = logging.getLogger(__name__)


class Status:
    """Shows on standard error what a command is doing. Errors in showing it are logged and have no other effect.

    Args:
        parts: Returns the parts of the line, such as ``["copying", "1,200 rows"]``. A terminal shows them side by side,
            on as many lines as they need.
        every_s: Seconds between two plain lines.
        console: Prints other output above the live line. Default: a console on standard error.

    Not run by the tests: it writes to a terminal.

    Example:
        >>> with Status(lambda: ["comparing a and b"]):  # doctest: +SKIP
        ...     compare()
    """

    def __init__(
        self,
        parts: Callable[[], Sequence[str]],
        *,
        every_s: float | None = None,
        console: PenstockConsole | None = None,
    ) -> None:
        self._parts = parts
        self._every_s = EVERY_S if every_s is None else every_s
        self._console = console
        self._live: Live | None = None
        self._last = 0.0

    def __enter__(self) -> Status:
        self._last = time.monotonic()
        if is_watched(sys.stderr if self._console is None else sys.stdout):
            with _harmless():
                self._live = _live(self._parts, self._console)
                self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            with _harmless():
                self._live.stop()

    def update(self) -> None:
        """Call it when the parts have changed; without a live line, it prints a plain line when one is due."""
        now = time.monotonic()
        if self._live is None and now - self._last >= self._every_s:
            self._last = now
            with _harmless():
                print(", ".join(self._parts()), file=sys.stderr, flush=True)  # noqa: T201


@contextmanager
def _harmless() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001  # the work goes on, whether it is shown or not
        _LOG.warning("the progress display failed: %s: %s", type(error).__name__, error)


def _live(parts: Callable[[], Sequence[str]], console: PenstockConsole | None) -> Live:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.text import Text

    from penstock.cli.terminal.streams import PenstockConsole

    console = console or PenstockConsole(stderr=True)
    dots = Spinner("dots")
    spinner = dots if shows("".join(dots.frames), console.file) else Spinner("line")

    class Moving:
        def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
            sign = spinner.render(console.get_time())
            assert isinstance(sign, Text)  # a spinner without a text of its own
            lines = folded(parts(), options.max_width - _INDENT)
            yield Text.assemble((sign.plain, "green"), " ", f"\n{' ' * _INDENT}".join(lines))

    class Harmless(Live):
        broken = False

        def refresh(self) -> None:
            if not self.broken:
                self.broken = True
                with _harmless():
                    super().refresh()
                    self.broken = False

    return Harmless(
        Moving(),
        console=console,
        refresh_per_second=_PER_SECOND,
        transient=True,
        redirect_stdout=False,  # it is redirected, perhaps to a file
    )


_INDENT = 2  # the spinner and a space
_BETWEEN = "  "


def folded(parts: Sequence[str], width: int) -> list[str]:
    """The parts side by side in lines of this width. A longer part is shortened in its middle.

    Example:
        >>> folded(["copying", "12,000 rows", "3 rejected"], 20)
        ['copying  12,000 rows', '3 rejected']
    """
    lines: list[str] = []
    for part in parts:
        short = part if len(part) <= width else shortened(part, width)
        if lines and len(lines[-1]) + len(_BETWEEN) + len(short) <= width:
            lines[-1] += f"{_BETWEEN}{short}"
        else:
            lines.append(short)
    return lines


def shortened(text: str, width: int) -> str:
    """Shorten a text in its middle.

    Example:
        >>> shortened("public.a_very_long_name_of_a_table", 20)
        'public.a_..._a_table'
    """
    kept = max(width - len("..."), 2)
    return f"{text[: kept - kept // 2]}...{text[len(text) - kept // 2 :]}"
