"""Loads what commands load, then forks a process for each that :class:`tests.terminal.Starter` asks for."""

from __future__ import annotations

import fcntl
import gc
import importlib
import io
import json
import os
import runpy
import signal
import socket
import sys
import termios
from pathlib import Path
from typing import Any

LOADED = (
    "psycopg",
    "penstock.routes.quarantine",
    "penstock.routes.schema",
    "penstock.routes.comparison",
    "penstock.devtools.connection_test",
    "rich.live",
)


def load() -> None:
    """Import what most commands import."""
    from penstock.cli.lazy_commands import COMMANDS
    from penstock.cli.main import WithoutPandas

    sys.meta_path.insert(0, WithoutPandas())  # as the program does before it loads anything
    for module in (*(f"penstock.cli.{name}" for name in COMMANDS.values()), *LOADED):
        importlib.import_module(module)
    sys.meta_path.pop(0)
    gc.freeze()


def serve(connection: socket.socket) -> dict[str, Any]:
    """Fork for each request; returns in the children only, with what they are to do."""
    while True:
        data, fds, _, _ = socket.recv_fds(connection, 1 << 20, 3)
        if not data:
            os._exit(0)
        request = json.loads(data)
        if "poll" in request:
            pid, status = os.waitpid(request["poll"], os.WNOHANG)
            connection.send(json.dumps(_code(status) if pid else None).encode())
            continue
        pid = os.fork()
        if not pid:
            connection.close()
            _take_place(request, fds)
            return request  # type: ignore[no-any-return]
        connection.send(str(pid).encode())
        for fd in fds:
            os.close(fd)


def _code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code  # as a shell has it


def _take_place(request: dict[str, Any], fds: list[int]) -> None:
    os.setsid()
    # A shell's terminal has it so; what runs in the background inherits that it is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if request["tty"]:
        fcntl.ioctl(fds[0], termios.TIOCSCTTY, 0)
    for place, fd in enumerate(fds):
        os.dup2(fd, place)
    for fd in fds:
        os.close(fd)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])


def _streams() -> None:
    """The standard streams, as the interpreter makes them when it starts."""
    modes = {"stdin": "rb", "stdout": "wb", "stderr": "wb"}
    for fd, (name, mode) in enumerate(modes.items()):
        before = getattr(sys, name)
        stream = io.TextIOWrapper(
            open(fd, mode, closefd=False),  # noqa: SIM115
            encoding=before.encoding,
            errors=before.errors,
            line_buffering=name == "stderr" or os.isatty(fd),
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


if __name__ == "__main__":
    load()
    wanted = serve(socket.socket(fileno=int(sys.argv[1])))
    if wanted["kind"] == "real":
        os.execvp(wanted["words"][0], wanted["words"])
    _streams()
    sys.argv = [str(Path(sys.executable).with_name("penstock")), *wanted["words"]]
    if wanted["kind"] == "module":
        runpy.run_module("penstock", run_name="__main__", alter_sys=True)
    from penstock.cli.main import main

    sys.exit(main())
