"""A forkserver that preloads imports: `python -m penstock.airflow.forkserver_main FD MODULE …`.

Otherwise each Airflow component would import the same modules, which takes a third of the processor time of the start,
and hold its own copy in memory. Requests arrive on the socket FD, one JSON object each, with the file descriptor of a
log. The forkserver reports the start and the exit of children on the same socket. When the socket closes, the
forkserver exits; the children keep running under the process that requested them.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from typing import Any

from setproctitle import setthreadtitle

_ORDER_BYTES = 65_536


def main() -> int:
    """Import the modules, then fork on request. Returns in the forkserver and, after its work, in each child."""
    gc.disable()  # imported objects stay alive
    control = socket.socket(fileno=int(sys.argv[1]))
    for name in sys.argv[2:]:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # so a child's garbage collector does not write to, and thus copy, shared pages
    gc.enable()
    words = _serve(control)
    if words is None:
        os._exit(0)  # skip interpreter shutdown
    sys.argv = words
    return int(importlib.import_module(words[0]).main() or 0)


def _serve(control: socket.socket) -> list[str] | None:
    """Serve requests until the socket closes; in a child, return the words of its request."""
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if woken in ready:
            os.read(woken, 1024)
            _bury(control)
        if control in ready:
            order, descriptors, _, _ = socket.recv_fds(control, _ORDER_BYTES, 1)
            if not order or _is_alone(control):
                return None
            request = json.loads(order)
            if (child := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for own in (woken, waker):
                    os.close(own)
                control.close()
                words = [str(word) for word in request["words"]]
                _settle(descriptors[0], words[1] if len(words) > 1 else words[0])
                return words
            os.close(descriptors[0])
            _report(control, begun=request["order"], pid=child)


def _is_alone(control: socket.socket) -> bool:
    """Whether the process that sent the request is gone, so that nothing would supervise the child."""
    poll = select.poll()
    poll.register(control, 0)
    return bool(poll.poll(0))  # poll always reports a hangup


def _settle(log: int, name: str) -> None:
    """Detach this process as if it had been started as a program: session, title and log."""
    os.setsid()
    setthreadtitle(name)  # shown by `top`; the long title would overwrite the environment block
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _bury(control: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _report(control, ended=pid, code=os.waitstatus_to_exitcode(status))


def _report(control: socket.socket, **what: Any) -> None:
    try:
        control.send(json.dumps(what).encode())
    except OSError:  # the other end is closed; the next read ends the forkserver
        return


if __name__ == "__main__":
    sys.exit(main())
