"""How far a copy is, in words."""

from __future__ import annotations

import pytest

from penstock.cli.progress import CopyProgress, in_bytes, lasting
from penstock.cli.terminal import status


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(clock: Clock) -> CopyProgress:
    return CopyProgress(clock=clock)


def test_before_anything_is_known(progress: CopyProgress) -> None:
    assert progress.parts() == ["starting", "0 rows", "0 rejected", "0:00"]


def test_no_time_has_passed(progress: CopyProgress) -> None:
    progress.begin("copying", 1000, "bytes")
    progress.advance(10, 1, 500)
    assert progress.parts() == ["copying", "10 rows", "1 rejected", "50%", "0:00", "0:00 left"]


def test_rows_rate_rejects_share_elapsed_and_left(progress: CopyProgress, clock: Clock) -> None:
    clock.now += 3
    progress.begin("copying", 4_000_000, "bytes")
    progress.advance(12_000, 5, 1_000_000)
    clock.now += 2
    assert progress.parts() == [
        "copying", "12,000 rows", "6,000 rows/s", "5 rejected", "25%", "0:05", "0:06 left"
    ]  # fmt: skip


def test_an_estimate_says_so_and_is_dropped_once_it_is_wrong(progress: CopyProgress, clock: Clock) -> None:
    progress.begin("copying", 100)
    clock.now += 1
    progress.advance(90, 0, 90)
    assert progress.parts()[4:] == ["~90%", "0:01", "0:00 left"]
    progress.advance(20, 0, 20)
    assert progress.parts() == ["copying", "110 rows", "110 rows/s", "0 rejected", "0:01"]


def test_bytes_before_there_are_rows(progress: CopyProgress, clock: Clock) -> None:
    progress.begin("reading", None, "bytes")
    assert progress.parts() == ["reading", "0:00"]
    progress.advance(0, 0, 1_200_000)
    assert progress.parts() == ["reading", "1.2 MB", "0:00"]
    progress.begin("reading", 2_400_000, "bytes")
    progress.advance(0, 0, 1_200_000)
    clock.now += 4
    assert progress.parts() == ["reading", "1.2 MB", "50%", "0:04", "0:04 left"]


def test_the_end_keeps_the_counts(progress: CopyProgress, clock: Clock) -> None:
    progress.begin("copying", 100)
    clock.now += 1
    progress.advance(100, 7, 100)
    progress.finish()
    assert progress.parts() == ["finishing", "100 rows", "7 rejected", "0:01"]


def test_one_of_several(clock: Clock) -> None:
    assert CopyProgress("product (3 of 12)", clock).parts()[0] == "product (3 of 12)"


def test_lines_now_and_then_where_nobody_watches(
    progress: CopyProgress, clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.cli.terminal.status.time.monotonic", clock)
    with progress.status:
        progress.begin("copying", 100)
        for _ in range(12):
            clock.now += 1
            progress.advance(5, 1, 5)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "copying, 25 rows, 5 rows/s, 5 rejected, ~25%, 0:05, 0:15 left",
        "copying, 50 rows, 5 rows/s, 10 rejected, ~50%, 0:10, 0:10 left",
    ]


def test_what_cannot_be_shown_is_logged_and_harms_nothing(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def parts() -> list[str]:
        raise ValueError("no parts")

    with status.Status(parts, every_s=0) as shown:
        shown.update()
    assert caplog.messages == ["the progress display failed: ValueError: no parts"]


def test_units() -> None:
    assert [in_bytes(count) for count in (0, 999, 1000, 12_345_678, 7 * 10**15)] == [
        "0 bytes", "999 bytes", "1.0 kB", "12.3 MB", "7000.0 TB"
    ]  # fmt: skip
    assert [lasting(seconds) for seconds in (0.9, 61, 3600, 90_061)] == [
        "0:00",
        "1:01",
        "1:00:00",
        "25:01:01",
    ]


@pytest.mark.parametrize("width", [20, 38, 60, 200])
def test_parts_fill_lines_of_any_width(width: int) -> None:
    parts = ["public.a_table_with_a_name_of_some_length (1 of 3)", "copying", "1,234,567 rows", "0 rejected"]
    lines = status.folded(parts, width)
    assert max(map(len, lines)) <= width
    if width > 60:
        assert lines == ["  ".join(parts)]
