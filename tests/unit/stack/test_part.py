"""The supervisor's logic, with parts that exist on paper only."""

from __future__ import annotations

from penstock.stack.component import FIRST_PAUSE_S, LONGEST_PAUSE_S, STEADY_S, Part
from penstock.stack.processes import Identity
from penstock.stack.state_file import PartRecord
from penstock.stack.supervisor import Supervisor


class Paper:
    def __init__(self, name: str, needs: tuple[str, ...] = ()) -> None:
        self.name = name
        self.needs = needs
        self.launches = 0
        self.is_ready = False
        self.why: str | None = None
        self.error: OSError | None = None
        self.start_limit_s = 180.0
        self.silence = 0.0
        self.kills = 0

    def launch(self) -> None:
        self.launches += 1
        self.why = None
        if self.error:
            raise self.error

    def ended(self) -> str | None:
        return self.why

    def ready(self) -> bool:
        return self.is_ready

    def silence_s(self) -> float:
        return self.silence

    def kill(self) -> None:
        self.kills += 1
        self.silence = 0.0

    def process(self) -> Identity | None:
        return None

    def address(self) -> str | None:
        return None


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_part_waits_for_those_it_needs() -> None:
    runner = Paper("scheduler", needs=("metadata", "migration"))
    part = Part(runner)
    part.step({"metadata"})
    assert (part.state, runner.launches) == ("waiting", 0)
    part.step({"metadata", "migration"})
    assert (part.state, runner.launches) == ("starting", 1)


def test_its_time_is_that_of_the_last_start() -> None:
    runner, clock = Paper("scheduler"), Clock()
    part = Part(runner, clock)
    part.step(())
    clock.now += 3
    runner.is_ready = True
    part.step(())
    assert (part.state, part.took_s, part.restarts) == ("healthy", 3.0, 0)


def test_a_dead_part_is_restarted_after_a_pause_and_its_reason_kept() -> None:
    runner, clock = Paper("scheduler"), Clock()
    part = Part(runner, clock)
    part.step(())
    runner.is_ready, runner.why = True, "killed by SIGKILL"
    part.step(())
    assert (part.state, part.restarts) == ("restarting", 1)
    clock.now += FIRST_PAUSE_S / 2
    part.step(())
    assert runner.launches == 1
    clock.now += FIRST_PAUSE_S
    part.step(())
    part.step(())
    assert (part.state, runner.launches, part.reason) == ("healthy", 2, "killed by SIGKILL")


def test_a_part_that_lives_and_hangs_is_killed_and_started_again() -> None:
    runner, clock = Paper("scheduler"), Clock()
    runner.is_ready = True
    part = Part(runner, clock, hang_s=60)
    part.step(())
    part.step(())
    runner.silence = 60.0
    part.step(())
    assert (part.state, runner.kills) == ("healthy", 0)
    runner.silence = 61.0
    part.step(())
    assert (part.state, runner.kills, part.restarts) == ("restarting", 1, 1)
    assert part.reason == "hung: no sign of life for 61 s"
    clock.now += FIRST_PAUSE_S
    part.step(())
    part.step(())
    assert (part.state, runner.launches) == ("healthy", 2)


def test_a_part_that_is_slow_because_the_machine_is_gets_more_time() -> None:
    runner, clock, activity = Paper("scheduler"), Clock(), [0.0]
    runner.is_ready = True
    part = Part(runner, clock, hang_s=60, activity_s=lambda _: activity[0])
    part.step(())
    for silence, used in ((0.0, 1.0), (31.0, 2.0), (61.0, 2.5), (599.0, 8.0)):
        runner.silence, activity[0] = silence, used
        part.step(())
        assert (part.state, runner.kills) == ("healthy", 0), silence
    runner.silence = 601.0
    part.step(())
    assert (part.state, runner.kills) == ("restarting", 1)

    part.step(())
    clock.now += FIRST_PAUSE_S
    part.step(())
    part.step(())
    for silence in (0.0, 31.0):  # it used the processor until a moment ago, and does no longer
        activity[0] += 3
        runner.silence = silence
        part.step(())
    runner.silence = 61.0
    part.step(())
    assert (part.state, runner.kills) == ("restarting", 2)


def test_a_part_that_hangs_while_it_starts_is_started_again() -> None:
    runner, clock = Paper("scheduler"), Clock()
    part = Part(runner, clock)
    part.step(())
    runner.silence = 1000.0  # of its predecessor
    clock.now += 180
    part.step(())
    assert (part.state, runner.kills) == ("starting", 0)
    clock.now += 1
    part.step(())
    assert (part.state, runner.kills, part.reason) == ("restarting", 1, "hung: not ready after 180 s")


def fall(part: Part, runner: Paper, clock: Clock) -> float:
    """Let it fall, and say how long it waits."""
    runner.why = "x"
    part.step(())
    fell = clock.now
    launches = runner.launches
    while runner.launches == launches:
        clock.now += 0.25
        part.step(())
    return clock.now - fell


def test_the_pause_grows_and_begins_anew_after_a_steady_time() -> None:
    runner, clock = Paper("scheduler"), Clock()
    runner.is_ready = True
    part = Part(runner, clock)
    part.step(())
    pauses = [fall(part, runner, clock) for _ in range(9)]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == LONGEST_PAUSE_S
    part.step(())
    clock.now += STEADY_S + 1
    assert fall(part, runner, clock) == FIRST_PAUSE_S


def test_a_part_that_cannot_even_be_launched_is_tried_again() -> None:
    runner, clock = Paper("scheduler"), Clock()
    runner.error = OSError(28, "No space left on device")
    part = Part(runner, clock)
    part.step(())
    assert (part.state, part.restarts) == ("restarting", 1)
    assert "No space left" in str(part.reason)
    runner.error = None
    clock.now += FIRST_PAUSE_S
    part.step(())
    assert (part.state, runner.launches) == ("starting", 2)


def test_the_supervisor_tells_of_changes_only() -> None:
    first, second = Paper("metadata"), Paper("scheduler", needs=("metadata",))
    output: list[tuple[PartRecord, ...]] = []
    supervisor = Supervisor([Part(first), Part(second)], output.append, lambda _: None)
    assert supervisor.step() is False
    supervisor.step()
    assert len(output) == 1
    first.is_ready = second.is_ready = True
    supervisor.step()
    assert supervisor.step() is True
    assert [[part.state for part in parts] for parts in output] == [
        ["starting", "waiting"],
        ["healthy", "starting"],
        ["healthy", "healthy"],
    ]


def test_the_supervisor_tells_again_what_was_lost() -> None:
    output: list[tuple[PartRecord, ...]] = []
    lost = [False]
    supervisor = Supervisor([Part(Paper("metadata"))], output.append, lambda _: None, lambda: lost[0])
    supervisor.step()
    supervisor.step()
    lost[0] = True
    supervisor.step()
    assert len(output) == 2
    assert output[0] == output[1]


def test_a_restart_on_request_is_no_fall() -> None:
    runner = Paper("scheduler")
    runner.is_ready = True
    cleared: list[str] = []
    supervisor = Supervisor([Part(runner)], lambda _: None, lambda part: cleared.append(part.name))
    supervisor.step()
    supervisor.step()
    supervisor.restart("nobody")
    supervisor.restart("scheduler")
    supervisor.step()
    supervisor.step()
    (part,) = supervisor.parts
    assert (cleared, runner.launches, part.restarts) == (["scheduler"], 2, 0)
    assert (part.state, part.reason) == ("healthy", "restarted on request")


def test_a_full_disk_does_not_end_the_supervisor() -> None:
    runner = Paper("metadata")
    full = [True]
    output: list[tuple[PartRecord, ...]] = []

    def publish(parts: tuple[PartRecord, ...]) -> None:
        if full[0]:
            raise OSError(28, "No space left on device")
        output.append(parts)

    supervisor = Supervisor([Part(runner)], publish, lambda _: None)
    supervisor.step()
    full[0] = False
    supervisor.step()
    assert [part.state for part in output[0]] == ["starting"]
