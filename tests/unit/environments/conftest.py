"""A project whose environment files a test writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PENSTOCK_ENV", "PENSTOCK_KEY", "PENSTOCK_PROJECT", "PENSTOCK_DEBUG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes environments, `write(base="...", dev="...")`, and returns the project's directory."""

    def write_files(**texts: str) -> Path:
        (tmp_path / "penstock.toml").touch()
        write_environments(tmp_path, texts)
        return tmp_path

    return write_files


def write_environments(root: Path, texts: Mapping[str, str]) -> None:
    (root / "environments").mkdir(exist_ok=True)
    for name, text in texts.items():
        (root / "environments" / f"{name}.yaml").write_text(dedent(text).removeprefix("\n"), encoding="utf-8")
