"""Options as fields of a class: the same command line, one object for the command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.main import get_command

from penstock.cli.option_groups import grouped


@dataclass(frozen=True)
class Page:
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="How many rows.")] = 20
    only: Annotated[list[str] | None, typer.Option(help="These columns.")] = None


@dataclass(frozen=True)
class Look:
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False


SEEN: list[object] = []
app = typer.Typer(add_completion=False)


@app.command()
@grouped
def show(
    table: Annotated[str, typer.Argument(help="A table.")],
    page: Page,
    look: Look,
    *,
    env: Annotated[str | None, typer.Option(help="Where.")] = None,
) -> None:
    """Show rows."""
    SEEN[:] = [table, page, look, env]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["t"], ["t", Page(), Look(), None]),
        (["t", "-n", "3", "--only", "a", "--only", "b"], ["t", Page(3, ["a", "b"]), Look(), None]),
        (["--json", "t", "--env", "prod"], ["t", Page(), Look(as_json=True), "prod"]),
    ],
)
def test_each_field_is_an_option(words: list[str], expected: list[object]) -> None:
    get_command(app).main(words, standalone_mode=False)
    assert expected == SEEN


def test_options_are_checked_and_told_of_as_any() -> None:
    with pytest.raises(typer.TyperException, match=r"not in the range|greater than or equal to 0"):
        get_command(app).main(["t", "-n", "-1"], standalone_mode=False)
    command = get_command(app)
    assert command.help == "Show rows."
    assert [one.name for one in command.params] == ["table", "limit", "only", "as_json", "env"]
