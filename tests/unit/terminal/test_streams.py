"""Standard streams in different locales and with different readers."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.cli.terminal import streams

WRITE = (
    "import sys; from penstock.cli.terminal import streams; streams.prepare(); "
    "print(streams.legible(chr(0x2713)), f'Zo{chr(0xEB)}', chr(0xDCE9), chr(0xD800)); "
    "print(chr(0xE9), file=sys.stderr)"
)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"LANG": "C.UTF-8"}, False),
        ({"LANG": "C"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),  # as Python leaves it behind
        ({"LANG": "POSIX", "LC_CTYPE": "de_DE.UTF-8"}, False),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, True),
        ({"LANG": "C", "LC_ALL": "de_DE.UTF-8"}, False),
    ],
)
def test_a_c_locale(variables: dict[str, str], expected: bool) -> None:
    assert streams.is_c_locale(variables) is expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"LANG": "C.UTF-8"}, b"\xe2\x9c\x93 Zo\xc3\xab \xe9 \\ud800\n"),
        ({"LC_ALL": "C"}, b"+ Zo\xc3\xab \xe9 \\ud800\n"),
        ({"LC_ALL": "C", "PYTHONUTF8": "0"}, b"+ Zo\xc3\xab \xe9 \\ud800\n"),
        ({"LC_ALL": "C", "PYTHONUTF8": "1"}, b"\xe2\x9c\x93 Zo\xc3\xab \xe9 \\ud800\n"),
        ({"PYTHONIOENCODING": "latin-1"}, b"+ Zo\xeb \\udce9 \\ud800\n"),
    ],
)
def test_a_pipe_gets_the_bytes_whatever_the_locale(variables: dict[str, str], expected: bytes) -> None:
    """Data is unchanged; Penstock's marks are ASCII in a C locale."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))
    }
    done = subprocess.run(
        [sys.executable, "-c", WRITE], env={**kept, **variables}, capture_output=True, check=True
    )
    assert done.stdout == expected
    assert done.stderr in (b"\xc3\xa9\n", b"\xe9\n")


def test_marks_as_the_stream_can_show_them() -> None:
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert streams.legible("✓✗…·█ ok", ascii_only) == "+x~.# ok"
    assert streams.legible("✓", io.TextIOWrapper(io.BytesIO(), encoding="utf-8")) == "✓"


def test_a_broken_pipe_elsewhere_is_no_reader_that_went_away() -> None:
    code = (
        "import os, sys; from penstock.cli import main; from penstock.cli.terminal import streams\n"
        "def run(_): raise BrokenPipeError(32, 'to another program')\n"
        "main._run = run\n"
        "sys.exit(main.main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "BrokenPipeError: [Errno 32] to another program" in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_standard_output_is_an_error(unbuffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "penstock", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: the disk is full")
