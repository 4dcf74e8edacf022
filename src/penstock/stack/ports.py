"""Checks that a port is free, and finds the process that uses it."""

from __future__ import annotations

import errno
import socket

import psutil

from penstock.model.errors import ConnectionFailed


def require_free(host: str, port: int, setting: str) -> None:
    """Check that the port can be bound.

    Args:
        setting: The setting of the port, such as `[stack.ports] airflow`, for the hint.

    Raises:
        ConnectionFailed: The port is in use; the message names the process.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConnectionFailed(
                f"port {port} on {host} is in use by {_holder(port)}"
                if error.errno == errno.EADDRINUSE
                else f"cannot bind {host}:{port}: {error.strerror}",
                hint=f"stop that process, or choose another port in penstock.toml: {setting} = {port + 10}",
            ) from error


def _holder(port: int) -> str:
    try:
        for one in psutil.net_connections(kind="tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid:
                words = psutil.Process(one.pid).cmdline()
                return f"process {one.pid} ({' '.join(words).strip()[:80]})"
    except psutil.Error:
        pass
    return "a process of another account"
