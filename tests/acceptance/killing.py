"""Runs a copy in a process of its own and kills it: at a step of its choice, or at an instant of ours."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing.process import BaseProcess
from typing import Any

import psycopg
from tests.forks import FORKS

import penstock
from penstock.postgres import copy_in


class Steps:
    """Counts what the copy asks of the server, and kills the process right after the one that is named.

    To the server that is the same as before the next one; after the last, it is committed, but unanswered.
    """

    def __init__(self, fatal: int | None) -> None:
        self.count = 0
        self._fatal = fatal

    def watch(self, owner: type, name: str) -> None:
        """Make a step of each call of this method."""
        original = getattr(owner, name)

        def step(*args: Any, **kwargs: Any) -> Any:
            fatal = self.count == self._fatal
            self.count += 1
            result = original(*args, **kwargs)
            if fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(owner, name, step)


def _copy(uri: str, fatal: int | None, arguments: tuple[str, str], options: dict[str, Any]) -> None:
    os.environ["PENSTOCK_CONN_WAREHOUSE"] = uri
    steps = Steps(fatal)
    # Statements, pieces of the stream, and the end of the transaction: everything that the server sees.
    steps.watch(psycopg.Connection, "execute")
    steps.watch(copy_in.CopyStream, "send")
    steps.watch(copy_in.CopyStream, "forward")
    steps.watch(psycopg.Transaction, "__exit__")
    penstock.copy(*arguments, **options)
    # Beyond the last step: the parent knows by this that it has seen them all.
    os._exit(0)


def start(uri: str, fatal: int | None, arguments: tuple[str, str], options: dict[str, Any]) -> BaseProcess:
    """Begin a copy that dies at this step, if it has as many."""
    process = FORKS.Process(target=_copy, args=(uri, fatal, arguments, options))
    process.start()
    return process


def kill_at(process: BaseProcess, seconds: float) -> bool:
    """Kill a copy after so long; whether it still ran."""
    time.sleep(seconds)
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL
