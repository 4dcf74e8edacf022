"""The pages know every command, and their links lead somewhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.cli.lazy_commands import COMMANDS, LazyGroup

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]*))?\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def prose(page: Path) -> str:
    """The text of a page without its fenced blocks."""
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site make them."""
    counts: Counter[str] = Counter()
    found = set()
    for heading in HEADING.findall(prose(page)):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        found.add(f"{slug}-{counts[slug]}" if counts[slug] else slug)
        counts[slug] += 1
    return found


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
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES if page.is_relative_to(DOCS))
    assert [name for name in names() if name not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link, anchor in LINK.findall(prose(page)):
        target = page.parent / link if link else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f"{link}#{anchor}" if anchor else link)
    assert broken == []


def test_every_page_is_linked() -> None:
    linked = {DOCS / "README.md"}
    for page in PAGES:
        linked |= {(page.parent / link).resolve() for link, _ in LINK.findall(prose(page)) if link}
    assert [str(page) for page in PAGES if page.is_relative_to(DOCS) and page not in linked] == []
