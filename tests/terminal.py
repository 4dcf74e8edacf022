"""Runs the program as a person does: in a terminal of a set size, whose screen can be read while it runs; or in a pipe.

A hundred commands in six kinds of terminal cannot each load their modules. :class:`Starter` keeps a process that has
loaded them (`tests/terminal_starter.py`) and forks; with ``real=True`` a program is started from nothing.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyte

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
TIMEOUT_S = 60.0
_LATE_S = 0.02
_OF_TERMINALS = (
    "COLUMNS",
    "LINES",
    "TERM",
    "NO_COLOR",
    "FORCE_COLOR",
    "PYTHONIOENCODING",
    "PYTHONUTF8",
    "LANG",
)

UTF8 = {"LANG": "C.UTF-8"}
C = {"LC_ALL": "C"}


@dataclass(frozen=True)
class Look:
    """What a terminal is.

    Args:
        variables: Of the environment, beside the locale's.
        locale: The locale's variables.
    """

    columns: int = 80
    rows: int = 24
    variables: Mapping[str, str] = field(default_factory=lambda: {"TERM": "xterm-256color"})
    locale: Mapping[str, str] = field(default_factory=lambda: UTF8)

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """Of a program in it."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in _OF_TERMINALS and not name.startswith(("LC_", "PENSTOCK_"))
        }
        kept["PATH"] = f"{BIN}:{kept['PATH']}"
        return {**kept, **self.variables, **self.locale, **more}


@dataclass(frozen=True)
class Done:
    """A program that ended: in a pipe, its output and errors apart."""

    code: int
    out: str
    err: str


class Terminal:
    """A program in a terminal.

    Attributes:
        raw: All that it wrote.
        seen: Every screen that differed from the one before, as text.
    """

    def __init__(self, fd: int, look: Look, pid: int, poll: Callable[[], int | None]) -> None:
        self.raw = b""
        self.seen: list[str] = []
        self.code: int | None = None
        self._fd = fd
        self._pid = pid
        self._poll = poll
        self._screen = pyte.HistoryScreen(look.columns, look.rows, history=100_000)
        self._stream = pyte.ByteStream(self._screen)

    # -- what a person sees

    @property
    def text(self) -> str:
        """What stands on the screen, and what scrolled off it, without blanks at the end of lines."""
        lines = [*self._screen.history.top, *(self._screen.buffer[y] for y in range(self._screen.lines))]
        width = self._screen.columns
        shown = ["".join(line[x].data for x in range(width)).rstrip() for line in lines]
        return "\n".join(shown).rstrip("\n")

    @property
    def flat(self) -> str:
        """The text without blanks and lines, which differ with the width."""
        return flat(self.text)

    @property
    def is_cursor_hidden(self) -> bool:
        """Whether the program left the terminal without a cursor."""
        return bool(self._screen.cursor.hidden)

    # -- what a person does

    def send(self, text: str) -> None:
        """Type this."""
        os.write(self._fd, text.encode())

    def send_hidden(self, text: str) -> None:
        """Type a secret, once the terminal no longer shows what is typed."""
        deadline = time.monotonic() + TIMEOUT_S
        while termios.tcgetattr(self._fd)[3] & termios.ECHO:
            assert time.monotonic() < deadline, self.text
            time.sleep(0.01)
        self.send(text)

    def press(self, key: str) -> None:
        """Type a letter with the control key."""
        os.write(self._fd, bytes([ord(key.upper()) - 64]))

    def interrupt(self) -> int:
        """Press Ctrl-C, and again where it came just before the program began to read; its exit code."""
        for _ in range(3):
            if self.code is None:
                self.press("c")
            ends = time.monotonic() + TIMEOUT_S / 12
            while self.code is None and time.monotonic() < ends:
                self._read()
        return self.end()

    def wait_for(self, pattern: str, timeout_s: float = TIMEOUT_S) -> re.Match[str]:
        """Read until the screen shows this.

        Raises:
            AssertionError: If the program ends without it, or does not show it in time.
        """
        ends = time.monotonic() + timeout_s
        while (found := re.search(pattern, self.text)) is None:
            assert self.code is None, f"ended with {self.code} and without {pattern!r}:\n{self.text}"
            assert time.monotonic() < ends, f"no {pattern!r}:\n{self.text}"
            self._read()
        return found

    def end(self, timeout_s: float = TIMEOUT_S) -> int:
        """Read until the program has ended; its exit code, as a shell has it."""
        ends = time.monotonic() + timeout_s
        while self.code is None:
            assert time.monotonic() < ends, f"does not end:\n{self.text}"
            self._read()
        return self.code

    def close(self) -> None:
        """End the program if it still runs, and the terminal."""
        if self.code is None:
            os.kill(self._pid, signal.SIGKILL)
            self.end()
        os.close(self._fd)

    def _read(self) -> None:
        if self._take():
            return
        code = self._poll()
        if code is not None:
            while self._take():
                pass
            self.code = code

    def _take(self) -> bool:
        ready, _, _ = select.select([self._fd], [], [], _LATE_S)
        try:
            data = os.read(self._fd, 1 << 16) if ready else b""
        except OSError:  # the other side is closed
            time.sleep(_LATE_S)
            return False
        if not data:
            return False
        self.raw += data
        self._stream.feed(data)
        if (text := self.text) not in self.seen[-1:]:
            self.seen.append(text)
        return True


class Starter:
    """Starts programs under one locale.

    Args:
        locale: The locale's variables: an interpreter reads them when it starts.
    """

    def __init__(self, locale: Mapping[str, str]) -> None:
        self._locale = dict(locale)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket = ours
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("terminal_starter.py")), str(theirs.fileno())],
                env=Look(locale=locale).environment({}),
                pass_fds=[theirs.fileno()],
            )

    def close(self) -> None:
        """End the process that forks."""
        self._socket.close()
        self._process.wait()

    @contextmanager
    def terminal(
        self,
        words: Sequence[str | Path],
        look: Look | None = None,
        *,
        cwd: Path,
        variables: Mapping[str, str] | None = None,
        real: bool = False,
        module: bool = False,
    ) -> Iterator[Terminal]:
        """A program in a terminal of its own, which controls it as a shell's does.

        Args:
            words: The words behind `penstock`, or with ``real`` the whole command.
            variables: Of the environment, beside those of the look.
            module: As `python -m penstock`.
        """
        look = look or Look(locale=self._locale)
        ours, theirs = os.openpty()
        termios.tcsetwinsize(theirs, (look.rows, look.columns))
        kind = "real" if real else "module" if module else "script"
        environment = look.environment(variables or {})
        pid = self._start(words, [theirs] * 3, kind=kind, cwd=cwd, environment=environment, tty=True)
        os.close(theirs)
        terminal = Terminal(ours, look, pid, lambda: self._poll(pid))
        try:
            yield terminal
        finally:
            terminal.close()

    def pipe(
        self,
        words: Sequence[str | Path],
        *,
        cwd: Path,
        variables: Mapping[str, str] | None = None,
        real: bool = False,
        closed: bool = False,
    ) -> Done:
        """Run a program in a pipe, without a terminal anywhere.

        Args:
            closed: Nobody reads its standard output, as behind `| head -0`.
        """
        with Path(os.devnull).open("rb") as nothing:
            out, out_end = os.pipe()
            err, err_end = os.pipe()
            if closed:
                os.close(out)
            pid = self._start(
                words,
                [nothing.fileno(), out_end, err_end],
                kind="real" if real else "script",
                cwd=cwd,
                environment=Look(locale=self._locale).environment(variables or {}),
                tty=False,
            )
        os.close(out_end)
        os.close(err_end)
        texts = _drained([err] if closed else [err, out])
        ends = time.monotonic() + TIMEOUT_S
        while (code := self._poll(pid)) is None:
            assert time.monotonic() < ends
            time.sleep(_LATE_S)
        return Done(code, texts.get(out, ""), texts[err])

    def _start(
        self,
        words: Sequence[str | Path],
        fds: Sequence[int],
        *,
        kind: str,
        cwd: Path,
        environment: Mapping[str, str],
        tty: bool,
    ) -> int:
        request = {
            "words": [str(word) for word in words],
            "kind": kind,
            "cwd": str(cwd),
            "environment": environment,
            "tty": tty,
        }
        socket.send_fds(self._socket, [json.dumps(request).encode()], fds)
        return int(self._socket.recv(64))

    def _poll(self, pid: int) -> int | None:
        self._socket.send(json.dumps({"poll": pid}).encode())
        answer: int | None = json.loads(self._socket.recv(64))
        return answer


def _drained(fds: list[int]) -> dict[int, str]:
    """The output of pipes until all of them are closed."""
    data = dict.fromkeys(fds, b"")
    ends = time.monotonic() + TIMEOUT_S
    while fds:
        assert time.monotonic() < ends, data
        for fd in select.select(fds, [], [], 1)[0]:
            if piece := os.read(fd, 1 << 16):
                data[fd] += piece
            else:
                os.close(fd)
                fds.remove(fd)
    return {fd: text.decode("utf-8", "backslashreplace") for fd, text in data.items()}


def flat(text: str) -> str:
    """The text without blanks and lines, which differ with the width of a terminal."""
    return re.sub(r"\s", "", text)
