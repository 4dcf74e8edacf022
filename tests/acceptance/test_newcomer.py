"""The newcomer's path: what the README shows, in a fresh checkout, with what a machine has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.terminal import UTF8, Look, Starter

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What differs from run to run: times, ports and ids.
VARYING = re.compile(r" *\d+\.\d+ s|127\.0\.0\.1:\d+|\b[0-9a-f]{12}\b")


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return [body for kind, body in FENCE.findall(text) if kind == language]


@pytest.fixture(params=["installed", pytest.param("fresh", marks=pytest.mark.soak)])
def checkout(request: pytest.FixtureRequest) -> Iterator[Path]:
    """The files that git has or would add, and nothing else; or the environment that `make test` installed, too.

    Installing takes minutes of processor time, and `make test` began with it where it had to.
    """
    place = Path(tempfile.mkdtemp(prefix="penstock-checkout-"))
    place.chmod(0o755)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    for name in listed.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)
            if request.param == "installed":
                os.utime(place / name, (0, 0))  # older than the environment, however old the checkout is
    if request.param == "installed":
        (place / ".venv").symlink_to(sys.prefix)
    # Not the tests' own servers and home: a newcomer's ports may be taken too, so any will do.
    settings = place / "pipelines" / "penstock.toml"
    settings.write_text(settings.read_text() + "\n[stack.ports]\nsource = 0\nwarehouse = 0\n")
    yield place
    if (place / ".venv/bin/penstock").exists():
        subprocess.run(
            [place / ".venv/bin/penstock", "db", "stop"], cwd=place, check=True, capture_output=True
        )
    shutil.rmtree(place)


class Fresh(Look):
    """A terminal without any settings."""

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        kept = ("PATH", "HOME", "LANG", "TMPDIR", "PIP_", "UV_", "SSL_", "http", "HTTP")
        given = {name: value for name, value in os.environ.items() if name.startswith(kept)}
        return {**given, **self.variables, **self.locale, **more}


@pytest.fixture
def starter() -> Iterator[Starter]:
    starter = Starter(UTF8)
    yield starter
    starter.close()


def run(starter: Starter, command: str, place: Path) -> str:
    with starter.terminal(["bash", "-c", command], Fresh(columns=100), cwd=place, real=True) as terminal:
        assert terminal.end(timeout_s=400) == 0, f"{command}\n{terminal.text}"
        return terminal.text


@pytest.mark.timeout(600)
def test_the_readme(checkout: Path, starter: Starter) -> None:
    demo, own = blocks("console")
    (transcript,) = blocks("text")
    first = run(starter, demo.removeprefix("$ "), checkout)
    assert lines(transcript) - lines(first) == set()

    second = run(starter, "make demo", checkout)
    assert "copied before: nothing was changed" in second
    assert gold(second) == gold(first)
    assert "installed into .venv" not in second

    (checkout / "your.csv").write_text("id,name\n1,Ann\n2,Bob\n2,Bob\n")
    printed = [run(starter, line.removeprefix("$ "), checkout) for line in own.splitlines()]
    assert re.search(r"loaded\s+2\b", printed[0])
    assert "2 | Bob" in printed[2]
    run(starter, "make --dry-run test", checkout)


def lines(printed: str) -> set[str]:
    """The lines without what varies; tasks that do not wait for one another may end in any order."""
    return {VARYING.sub("#", line).rstrip() for line in printed.splitlines()}


def gold(printed: str) -> str:
    """The part of the demonstration that shows the gold table."""
    return printed[printed.index("gold.year_month") : printed.index("Next steps")]
