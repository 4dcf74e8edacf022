"""Forks processes from one that has their imports: `python -m penstock.airflow.forkserver_main FD MODULE …`.

Airflow's parts would each import the same for themselves, which takes a third of the processor time of coming up, and
hold a copy of their own in memory. Orders come through the socket FD, a JSON object each, with the descriptor of a log;
what became of a child is told through it. Its end is the nursery's: whoever ordered the children looks after them.
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
    """Import, then fork on order. Returns in the nursery at its end, and in each child when that has done its work."""
    gc.disable()  # what is imported never goes
    control = socket.socket(fileno=int(sys.argv[1]))
    for name in sys.argv[2:]:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a child's collector does not touch, and so copy, the pages that it shares
    gc.enable()
    words = _serve(control)
    if words is None:
        os._exit(0)  # there is nothing to take apart that anybody needs
    sys.argv = words
    return int(importlib.import_module(words[0]).main() or 0)


def _serve(control: socket.socket) -> list[str] | None:
    """Answer orders until there is nobody who gives them; in a child, the words of its order."""
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
    """Whether whoever gave an order is gone already: nobody would look after the child."""
    poll = select.poll()
    poll.register(control, 0)
    return bool(poll.poll(0))  # that the other end hung up is told unasked


def _settle(log: int, name: str) -> None:
    """Make this process one of its own, as if it had been started as a program."""
    os.setsid()
    setthreadtitle(name)  # what `top` shows; the longer title would lie where others read the variables
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
    except OSError:  # nobody listens any more; the next look at the socket ends the nursery
        return


if __name__ == "__main__":
    sys.exit(main())
