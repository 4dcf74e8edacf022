"""A record that is lost or damaged hides nothing that runs: real processes, trivial ones."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator

import pytest

from penstock.model.errors import PenstockError
from penstock.project import Project
from penstock.stack import lifecycle, state_file
from penstock.stack.processes import identify, is_alive, kill_family
from penstock.stack.state_file import recall


@pytest.fixture
def run(project: Project) -> Iterator[Callable[[str], int]]:
    """Starts a process as the stack starts its parts: in a session of its own, with its log."""
    made: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> int:
        with (project.make_state_dir("logs") / f"{name}.log").open("wb") as log:
            made.append(subprocess.Popen(["sleep", "60"], stderr=log, start_new_session=True))
        return made[-1].pid

    yield start
    for process in made:
        process.kill()
        process.wait()


def damage(project: Project) -> None:
    (project.make_state_dir(state_file.STATE) / state_file.FILE).write_text("{")


def test_nothing_runs(project: Project) -> None:
    assert recall(project) is None
    damage(project)
    assert recall(project) is None
    assert lifecycle.stop(project) is False
    assert state_file.stamp(project) is None


def test_what_a_dead_supervisor_left_is_found_and_ended(project: Project, run: Callable[[str], int]) -> None:
    scheduler, other = run("scheduler"), run("airflow-run")
    damage(project)
    found = recall(project)
    assert found is not None
    assert ([part.name for part in found.parts], found.is_supervised) == (["scheduler"], False)
    assert lifecycle.stop(project) is True
    assert identify(scheduler) is None
    assert identify(other) is not None  # no part of the stack
    assert lifecycle.stop(project) is False


def test_a_supervisor_that_hangs_is_named_and_ended(
    project: Project, run: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.stack.state_file.WRITTEN_ANEW_S", 0.2)
    supervisor = identify(run("supervisor"))
    damage(project)
    assert supervisor is not None
    with pytest.raises(PenstockError, match=f"process {supervisor.pid}") as caught:
        lifecycle.begin(project)
    assert "penstock stop" in str(caught.value.hint)
    assert lifecycle.stop(project) is True
    assert not is_alive(supervisor)


def test_a_supervisor_that_lives_is_waited_for(project: Project, run: Callable[[str], int]) -> None:
    supervisor = identify(run("supervisor"))
    assert supervisor is not None
    written = state_file.StackRecord(supervisor, 1.0, ())
    state_file.save(project, written)
    assert recall(project) == written
    assert lifecycle.begin(project).already is True
    kill_family(supervisor)
    assert os.waitpid(supervisor.pid, 0)[0] == supervisor.pid
    assert recall(project) == written
