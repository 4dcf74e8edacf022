"""Every example of the documentation is run in a terminal, and what stands on the screen is what the page says."""

from __future__ import annotations

import doctest
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from tests.commands import forked
from tests.conftest import metadata_database
from tests.terminal import UTF8, Look, Starter

from penstock.project import Project

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ ((?:.*<<END\n(?:.*\n)*?END|.*)\n?)", re.MULTILINE)
MARK = "penstock-example-ends"
WIDE = 2000  # no line of a page is folded


def blocks(page: Path) -> list[tuple[str, str]]:
    """The fenced blocks of a page: language and text."""
    return FENCE.findall(page.read_text(encoding="utf-8"))


def steps(page: Path) -> list[tuple[str, str]]:
    """The shell commands of a page in their order, each with the output that the page shows."""
    found = []
    for language, text in blocks(page):
        if language == "console":
            parts = COMMAND.split(text)
            found += list(zip(parts[1::2], parts[2::2], strict=True))
        elif language == "python":
            found.append((f"python3 - <<'END'\n{text}END\n", ""))
    return found


PAGES = [page for page in sorted(DOCS.rglob("*.md")) if steps(page)]


@pytest.fixture(scope="module")
def starter() -> Iterator[Starter]:
    starter = Starter(UTF8)
    yield starter
    starter.close()


@pytest.fixture(params=["forked", pytest.param("fresh", marks=pytest.mark.soak)])
def path(request: pytest.FixtureRequest) -> str:
    """Where the page finds what it calls: `penstock` is a fork that has imported everything, or a new process."""
    programs = [*([forked().parent] if request.param == "forked" else []), Path(sys.executable).parent]
    return ":".join([*map(str, programs), os.environ["PATH"]])


# The page starts a stack of its own, as tests/acceptance/test_stack.py does.
_LONG = ("how-to/run-the-stack.md",)


def _parameter(page: Path) -> ParameterSet:
    name = page.relative_to(DOCS).as_posix()
    return pytest.param(page, id=name, marks=[pytest.mark.soak] if name in _LONG else [])


@pytest.mark.parametrize("page", [_parameter(page) for page in PAGES])
@pytest.mark.timeout(300)
def test_page(page: Path, project: Project, tmp_path: Path, starter: Starter, path: str) -> None:
    examples = steps(page)
    # One shell for the whole page, so that examples can use the results of earlier ones.
    script = tmp_path / ".examples.sh"
    script.write_text(
        "".join(f"{{ {command}\n}}\necho {MARK}\n" for command, _ in examples), encoding="utf-8"
    )
    with (
        metadata_database(project.root),
        starter.terminal(
            ["bash", "-u", script],
            Look(columns=WIDE),
            cwd=tmp_path,
            variables={"PENSTOCK_PROJECT": str(project.root), "PATH": path},
            real=True,
        ) as terminal,
    ):
        terminal.end(timeout_s=240)
        text = terminal.text
    printed = f"{text}\n".split(f"{MARK}\n")
    assert len(printed) == len(examples) + 1, text
    for (command, expected), got in zip(examples, printed[:-1], strict=True):
        assert "Traceback" not in got, f"$ {command}{got}"
        assert matches(expected, got), f"$ {command}\nthe page says:\n{expected}\nit prints:\n{got}"


def matches(expected: str, got: str) -> bool:
    """Whether the output is what the page shows, where `...` stands for anything."""
    bare = "".join(
        f"{line.rstrip()}\n" for line in expected.splitlines()
    )  # a screen has no blanks at the end
    return doctest.OutputChecker().check_output(bare, got, doctest.ELLIPSIS)


def test_pages_are_found() -> None:
    assert sum(len(steps(page)) for page in PAGES) > 20
