"""The page of exit codes says what the code says, and every command that speaks of codes leads to it."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.cli.lazy_commands import COMMANDS, LazyGroup
from penstock.model.errors import DiffCode, ExitCode, PenstockError

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "exit-codes.md"
ROW = re.compile(r"^\| (\d+) \| (.+) \|$", re.MULTILINE)
LAST_COLUMN = re.compile(r"^\| .+ \| (\d+) \|$", re.MULTILINE)
SPEAKS_OF_CODES = re.compile(r"exit codes?|ends with \d", re.IGNORECASE)
CODES = re.compile(r"Exit codes: (.*?)\. See", re.DOTALL)


def table(heading: str) -> list[tuple[int, str]]:
    """The rows of the first table behind these words."""
    rest = PAGE.read_text(encoding="utf-8").partition(heading)[2]
    return [
        (int(code), meaning) for code, meaning in ROW.findall(rest.partition("\n\n")[2].partition("\n\n")[0])
    ]


@pytest.mark.parametrize(
    ("codes", "words"),
    [(ExitCode, "so a script, a cron job or a pipeline"), (DiffCode, "`penstock diff` uses the codes")],
)
def test_the_page_lists_every_code_and_no_other(codes: type[IntEnum], words: str) -> None:
    assert table(words) == [(int(code), code.meaning) for code in codes]  # type: ignore[attr-defined]


def test_what_counts_as_nothing_is_told_by_codes_that_there_are() -> None:
    output = {int(code) for code in LAST_COLUMN.findall(PAGE.read_text(encoding="utf-8"))}
    assert output == {ExitCode.DONE, ExitCode.FAILED, ExitCode.TOO_MANY_REJECTS, ExitCode.NOTHING}


def errors(kind: type[PenstockError] = PenstockError) -> Iterator[type[PenstockError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from errors(one)


def test_every_error_ends_with_a_code_of_the_enum() -> None:
    for module in pkgutil.walk_packages(penstock.__path__, "penstock."):
        if not module.name.startswith(("penstock.airflow", "penstock.testing", "penstock.__main__")):
            importlib.import_module(module.name)
    found = {error.__name__: error.exit_code for error in errors()}
    assert found["NothingLoaded"] == ExitCode.NOTHING
    assert {name: code for name, code in found.items() if not isinstance(code, ExitCode | DiffCode)} == {}


def test_no_code_is_written_as_a_number() -> None:
    numbers = []
    for path in sorted((ROOT / "src" / "penstock" / "cli").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_exit = isinstance(node, ast.Call) and ast.unparse(node.func) == "typer.Exit"
            is_field = isinstance(node, ast.Assign | ast.AnnAssign) and "exit_code" in ast.unparse(node)
            values: list[ast.expr] = node.args if isinstance(node, ast.Call) and is_exit else []
            if isinstance(node, ast.Assign | ast.AnnAssign) and is_field and node.value is not None:
                values = [node.value]
            numbers += [f"{path.name}:{one.lineno}" for one in values if isinstance(one, ast.Constant)]
    assert numbers == []


def commands() -> Iterator[tuple[str, Any]]:
    """Every command, those of groups included."""
    group = LazyGroup(name="penstock")
    for name in COMMANDS:
        command = group.get_command(None, name)
        members = getattr(command, "commands", {})
        yield from ((f"{name} {member}", one) for member, one in members.items())
        if not members:
            yield name, command


def test_help_that_speaks_of_codes_leads_to_the_page_and_means_its_codes() -> None:
    speaking = {name: one.help for name, one in commands() if SPEAKS_OF_CODES.search(one.help or "")}
    assert {"copy", "run", "backfill", "parse", "diff", "test", "rejects replay"} <= speaking.keys()
    assert [name for name, text in speaking.items() if "docs/reference/exit-codes.md" not in text] == []
    for name, text in speaking.items():
        output = {int(code) for listed in CODES.findall(text) for code in re.findall(r"(?<!\w)\d+", listed)}
        assert output <= {int(code) for code in (DiffCode if name == "diff" else ExitCode)}, name


def test_the_readme_leads_to_the_page() -> None:
    assert "(docs/reference/exit-codes.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
