"""What asks: answered by somebody at a keyboard, in any terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.terminal.conftest import World
from tests.integration.terminal.test_commands import LOOKS, check
from tests.terminal import UTF8, Look, Starter, flat

KINDS = pytest.mark.parametrize("kind", LOOKS)


@pytest.fixture
def look(kind: str) -> Look:
    return LOOKS[kind]


@pytest.fixture
def starter(look: Look, utf8: Starter, plain: Starter) -> Starter:
    return utf8 if look.locale == UTF8 else plain


@KINDS
def test_a_connection_field_by_field(kind: str, look: Look, starter: Starter, shop: Path) -> None:
    with starter.terminal(["connection", "add", "orders"], look, cwd=shop) as terminal:
        terminal.wait_for(r"\[postgres\]: ?$")
        terminal.send("\n")  # the default, postgres
        for field, answer in (("host", "db.internal"), ("port", "0"), ("port", "5433"), ("login", "etl")):
            terminal.wait_for(rf"(?i){field}[^\n]*: ?$")
            terminal.send(f"{answer}\n")
        terminal.wait_for(r"(?i)password[^\n]*: ?$")
        terminal.send_hidden("s3cret\n")
        terminal.wait_for(r"(?i)database[^\n]*: ?$")
        terminal.send("dwh\n")
        terminal.wait_for(r"(?s)sslmode.*: ?$")
        terminal.send("require\n")
        assert terminal.end() == 0, terminal.text
        assert flat("a port is a number from 1 to 65535") in terminal.flat
        assert "s3cret" not in terminal.text
        check(kind, terminal)
    with starter.terminal(["connection", "list"], look, cwd=shop) as terminal:
        assert terminal.end() == 0
        assert "db.internal" in terminal.flat
        assert "5433" in terminal.flat


@KINDS
def test_a_secret_is_asked_for_and_not_echoed(kind: str, look: Look, starter: Starter, shop: Path) -> None:
    with starter.terminal(["variable", "set", "api_token"], look, cwd=shop) as terminal:
        terminal.wait_for("api_token: ?$")
        terminal.send_hidden("hush\n")
        assert terminal.end() == 0, terminal.text
        assert "hush" not in terminal.text
        assert "encrypted" in terminal.text
        check(kind, terminal)
    with starter.terminal(["variable", "get", "api_token", "--reveal"], look, cwd=shop) as terminal:
        assert terminal.end() == 0
        assert terminal.text == "hush"


@KINDS
def test_a_reset_asks_first(kind: str, look: Look, starter: Starter, shop: Path) -> None:
    kept = shop / ".penstock" / "postgres" / "kept"
    kept.parent.mkdir(parents=True)
    kept.touch()
    with starter.terminal(["reset"], look, cwd=shop) as terminal:
        terminal.wait_for(r"(?s)Delete all tables.*\? \[y/N\]: ?$")
        terminal.send("n\n")
        assert terminal.end() == 130
        assert "nothing was changed" in terminal.text
        assert kept.exists()
        check(kind, terminal)
    with starter.terminal(["reset"], look, cwd=shop) as terminal:
        terminal.wait_for(r"\[y/N\]: ?$")
        terminal.send("y\n")
        assert terminal.end() == 0, terminal.text
        assert not kept.exists()


@KINDS
def test_ctrl_c_at_a_question(kind: str, look: Look, starter: Starter, world: World, shop: Path) -> None:
    with starter.terminal(["connection", "add", "orders"], look, cwd=shop) as terminal:
        terminal.wait_for(r"\[postgres\]: ?$")
        assert terminal.interrupt() == 130, terminal.text
        assert flat("error: interrupted; nothing was changed") in terminal.flat
        assert "^Cerror" not in terminal.text
        check(kind, terminal)
