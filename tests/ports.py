"""Ports for test servers that need a fixed one."""

from __future__ import annotations

import fcntl
import itertools
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST = 20_000


@contextmanager
def reserved_port() -> Iterator[int]:
    """A free port that no other test is given, in this run or another, as long as the block lasts.

    It lies below those that the system gives to whoever asks for any: what was free a moment ago would else be taken
    by the next connection that some process opens.
    """
    locks = Path(tempfile.gettempdir(), f"penstock-test-ports-{os.getuid()}")
    locks.mkdir(exist_ok=True)
    beyond = int(_EPHEMERAL.read_text().split()[0]) if _EPHEMERAL.exists() else 32_768
    ports = range(_FIRST, beyond)
    begin = os.getpid() % len(ports)  # so that workers seldom try the same
    for port in itertools.chain(ports[begin:], ports[:begin]):
        with (locks / str(port)).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if _is_free(port):
                yield port
                return
    raise RuntimeError("no port is free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
