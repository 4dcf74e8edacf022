"""The command line for tests to which it does not matter how its process begins: a fork that has imported everything.

`forked()` is a program that is called as `penstock` is: with arguments, variables, a directory, and files or pipes to
read from and write to. The same `main()` runs in a process of its own, which is there in hundredths of a second instead
of three quarters of one. Tests that send signals must start the real one: a signal would reach the caller only.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import NoReturn

from tests.forks import PRELOADED

run_dir: Path | None = None  # set by tests/conftest.py
_REQUEST_BYTES = 1 << 17

# Without site: nothing but the standard library is needed, and it starts in a third of the time.
_CALLER = """#!{python} -IS
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.connect({address!r})
order = {{"words": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}}
socket.send_fds(server, [json.dumps(order).encode()], [0, 1, 2])
code = json.loads(server.recv(64) or b"70")
sys.exit(code if code >= 0 else 128 - code)
"""


@functools.cache
def forked() -> Path:
    """The program; the server behind it begins with the first call, and ends with this process."""
    assert run_dir is not None
    place = run_dir / f"commands-{os.getpid()}"
    place.mkdir(mode=0o700)
    address = str(place / "socket")
    words = [sys.executable, "-m", "tests.commands", address]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    root = Path(__file__).parents[1]
    server = subprocess.Popen(words, cwd=root, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"

    @atexit.register
    def end() -> None:
        server.communicate()  # the end of its input is its own

    program = place / "penstock"
    program.write_text(_CALLER.format(python=sys.executable, address=address))
    program.chmod(0o700)
    return program


def main() -> None:
    """Serve until the end of the input; a fork ends with its command."""
    from penstock import cli
    from penstock.cli.main import WithoutPandas
    from penstock.cli.main import main as run

    sys.meta_path.insert(0, WithoutPandas())
    of_commands = [f"penstock.cli.{module.name}" for module in pkgutil.iter_modules(cli.__path__)]
    for name in (*of_commands, *PRELOADED):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(sys.argv[1])
    listening.listen()
    print("ready", flush=True)
    if not _serve(listening):
        return
    try:
        code = run()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - as an interpreter does at its end
        sys.excepthook(*sys.exc_info())
        code = 1
    _leave(code)


def _serve(listening: socket.socket) -> bool:
    """Fork for each order; whether this is a fork, and not the server at the end of its input."""
    while True:
        ready, _, _ = select.select([listening, sys.stdin], [], [])
        while _bury():
            pass
        if sys.stdin in ready:
            return False
        asking, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            _attend(asking)
            return True
        asking.close()


def _bury() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def _attend(asking: socket.socket) -> None:
    """Fork once more, report how the command ended, and exit; returns in the command's process."""
    output, files, _, _ = socket.recv_fds(asking, _REQUEST_BYTES, 3)
    if (child := os.fork()) != 0:
        for file in files:
            os.close(file)
        _, status = os.waitpid(child, 0)
        try:
            asking.send(json.dumps(os.waitstatus_to_exitcode(status)).encode())
        finally:
            os._exit(0)
    asking.close()
    order = json.loads(output)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    sys.argv = ["penstock", *order["words"]]
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for the process's life
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115


def _leave(code: int) -> NoReturn:
    """End as an interpreter does, without taking apart what the server imported."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            code = code or 1
    os._exit(code)


if __name__ == "__main__":
    main()
