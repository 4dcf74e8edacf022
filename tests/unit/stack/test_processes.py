"""Real processes, trivial ones."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.waiting import halt, until

from penstock.stack.process_runner import Command, Once, Program
from penstock.stack.processes import (
    Identity,
    activity_s,
    cpu_of,
    end,
    everyone,
    family,
    identify,
    is_alive,
    kill_family,
    memory,
)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[str], Command]]:
    made: list[Command] = []

    def make(script: str) -> Command:
        command = Command("part", Program(["sh", "-c", script], tmp_path / "log", lambda: os.environ))
        command.launch()
        made.append(command)
        return command

    yield make
    for command in made:
        if (process := command.process()) is not None:
            kill_family(process)
        until(lambda command=command: command.ended() is not None)  # type: ignore[misc]


def leader(command: Command) -> Identity:
    found = command.process()
    assert found is not None
    return found


def test_a_process_is_told_from_a_later_one_of_the_same_number() -> None:
    process = subprocess.Popen(["sleep", "60"])
    found = identify(process.pid)
    assert is_alive(found)
    process.kill()
    process.wait()
    assert not is_alive(found)
    me = identify(os.getpid())
    assert me is not None
    assert not is_alive(Identity(me.pid, "another boot:1"))


def test_a_session_of_another_boot_is_none_of_ours(run: Callable[[str], Command]) -> None:
    command = run("(trap '' TERM; while :; do sleep 0.1; done) & wait")
    until(lambda: len(family(leader(command))) >= 3)
    dead = leader(command)
    os.kill(dead.pid, signal.SIGKILL)
    until(command.ended)
    assert family(dead)
    assert family(Identity(dead.pid, "another boot:1")) == []


def test_many_are_told_from_one_look(run: Callable[[str], Command]) -> None:
    commands = [run("sleep 60 & wait") for _ in range(2)]
    until(lambda: all(len(family(leader(one))) == 2 for one in commands))
    seen, (first, second) = everyone(), [leader(one) for one in commands]
    kill_family(second)
    assert family(first, seen) == family(first)
    assert len(family(second, seen)) == 2
    assert memory(first, seen, without=[second]) > 0
    assert memory(first, seen, without=[first]) == 0


def test_a_recycled_number_is_never_killed() -> None:
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        stranger = Identity(process.pid, "another boot:1")
        assert family(stranger) == []
        assert end([stranger], 0.1) is False
        kill_family(stranger)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_why_it_ended(run: Callable[[str], Command]) -> None:
    failed = run("echo first; echo the port is taken >&2; exit 3")
    until(failed.ended)
    assert failed.ended() == "ended with code 3: the port is taken"
    killed = run("sleep 60")
    assert killed.ended() is None
    os.kill(leader(killed).pid, signal.SIGKILL)
    until(killed.ended)
    assert killed.ended() == "killed by SIGKILL"


def test_children_that_ignore_sigterm_are_ended_too(run: Callable[[str], Command]) -> None:
    command = run("(trap '' TERM; while :; do sleep 0.1; done) & setsid sleep 60 & wait")
    until(lambda: len(family(leader(command))) >= 4)
    children = [identify(pid) for pid in family(leader(command))]
    assert end([leader(command)], 0.2) is True
    until(lambda: not any(is_alive(child) for child in children))


def test_what_outlived_a_dead_leader_is_cleared_before_the_next_start(run: Callable[[str], Command]) -> None:
    command = run("(trap '' TERM; while :; do sleep 0.1; done) & wait")
    until(lambda: len(family(leader(command))) >= 3)
    dead = leader(command)
    os.kill(dead.pid, signal.SIGKILL)
    until(command.ended)
    until(lambda: family(dead))
    command.launch()
    until(lambda: not family(dead))
    assert command.ended() is None
    assert leader(command) != dead


def test_what_it_uses(run: Callable[[str], Command]) -> None:
    command = run("i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; sleep 60")
    until(lambda: cpu_of(leader(command).pid) > 0)
    assert 50_000 < memory(leader(command)) < 50_000_000


def test_a_stopped_process_does_nothing_and_wants_nothing(run: Callable[[str], Command]) -> None:
    busy = run("while :; do :; done").process()
    assert busy is not None
    before = activity_s(busy)
    time.sleep(0.3)
    assert activity_s(busy) - before > 0.1  # used, or waited for where others have the processors
    halt(busy.pid)
    before = activity_s(busy)
    time.sleep(0.2)
    assert activity_s(busy) == before
    assert activity_s(None) == 0


def test_its_log_is_private(run: Callable[[str], Command], tmp_path: Path) -> None:
    run("true")
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_work_that_is_done_once(tmp_path: Path) -> None:
    done = tmp_path / "done"
    program = Program(["sh", "-c", f"touch {done}"], tmp_path / "log", lambda: os.environ)
    work = Once("migration", program, is_done=done.exists)
    work.launch()
    until(work.ready)
    assert (work.ended(), work.process()) == (None, None)
    again = Once("migration", program, is_done=done.exists)
    again.launch()
    assert again.ready()
    failing = Once(
        "migration", Program(["sh", "-c", "echo no; exit 2"], tmp_path / "log", dict), is_done=lambda: False
    )
    failing.launch()
    until(failing.ended)
    assert (failing.ended(), failing.ready()) == ("ended with code 2: no", False)
