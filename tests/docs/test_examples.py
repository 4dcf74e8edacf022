"""Every example of the documentation is run, and prints what the page says."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.project import Project

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ ((?:.*<<END\n(?:.*\n)*?END|.*)\n?)", re.MULTILINE)
MARK = "penstock-example-ends"


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
@pytest.mark.timeout(300)
def test_page(page: Path, project: Project, tmp_path: Path) -> None:
    examples = steps(page)
    # One shell for the whole page, so that what one example sets is there for the next.
    script = "".join(f"{{ {command}\n}} 2>&1\necho {MARK}\n" for command, _ in examples)
    binaries = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-u"],
        input=script,
        cwd=tmp_path,
        env=os.environ
        | {
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "PENSTOCK_PROJECT": str(project.root),
            "COLUMNS": "200",
        },
        capture_output=True,
        text=True,
        timeout=240,
    )
    printed = done.stdout.split(f"{MARK}\n")
    assert len(printed) == len(examples) + 1, done.stdout + done.stderr
    for (command, expected), got in zip(examples, printed[:-1], strict=True):
        assert "Traceback" not in got, f"$ {command}{got}"
        assert matches(expected, got), f"$ {command}\nthe page says:\n{expected}\nit prints:\n{got}"


def matches(expected: str, got: str) -> bool:
    """Whether the output is what the page shows, where `...` stands for anything."""
    return doctest.OutputChecker().check_output(expected, got, doctest.ELLIPSIS)


def test_pages_are_found() -> None:
    assert sum(len(steps(page)) for page in PAGES) > 20
