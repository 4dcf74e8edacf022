"""What projects may import: the public names, and nothing behind them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import penstock
import penstock.airflow

ROOT = Path(__file__).resolve().parents[2]
IMPORT = re.compile(r"^\s*(?:from (penstock[\w.]*) import|import (penstock[\w.]*))", re.MULTILINE)
DOORS = {"penstock", "penstock.airflow", "penstock.testing", "penstock_sandbox"}
# It shows how the house is extended, from within.
WITHIN = {"docs/how-to/add-a-route.md"}


def pages() -> list[str]:
    found = [path for folder in ("pipelines", "templates") for path in (ROOT / folder).rglob("*.py")]
    found += [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    names = sorted(str(path.relative_to(ROOT)) for path in found)
    return [name for name in names if name not in WITHIN and "decisions" not in name]


@pytest.mark.parametrize("page", pages())
def test_projects_and_docs_import_only_public_packages(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert {one or other for one, other in IMPORT.findall(text)} <= DOORS


def test_every_public_name_is_there() -> None:
    assert [name for name in penstock.__all__ if not hasattr(penstock, name)] == []


def test_what_airflow_loads_lazily_is_where_it_says() -> None:
    assert [name for name in penstock.airflow._MODULES if not callable(getattr(penstock.airflow, name))] == []


def test_rooms() -> None:
    rooms = {
        path.stem for path in (ROOT / "src" / "penstock").iterdir() if not path.name.startswith(("__", "py."))
    }
    assert len(rooms) <= 18, sorted(rooms)
