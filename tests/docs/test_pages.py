"""The pages know every command, and their links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.cli.commands import COMMANDS, LazyGroup

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def names() -> Iterator[str]:
    """Every command, those of groups included."""
    group = LazyGroup(name="penstock")
    for name in COMMANDS:
        command = group.get_command(None, name)
        members = getattr(command, "commands", {})
        yield from (f"penstock {name} {member}" for member in members)
        if not members:
            yield f"penstock {name}"


def test_every_command_is_documented() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES if page.parent.name == "docs")
    assert [name for name in names() if name not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
