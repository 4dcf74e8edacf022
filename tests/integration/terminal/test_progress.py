"""Progress of a long copy, read from the screen while the test holds the copy."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from psycopg import sql
from tests.databases import enter
from tests.integration.terminal.conftest import Session, World
from tests.integration.terminal.test_commands import LOOKS, check
from tests.terminal import UTF8, Look, Starter

import penstock
from penstock.model.options import make_plan

CLOCK = r"\d+:\d\d"
ROWS = 120_000
# Waits at the rows of these numbers, each until the test lets go of a lock of that number.
GATE = """
CREATE SEQUENCE IF NOT EXISTS {schema}.passed;
CREATE FUNCTION {schema}.gate() RETURNS int LANGUAGE plpgsql AS $$
DECLARE number bigint := nextval('{schema}.passed');
BEGIN
    IF number IN (1, 60000) THEN
        PERFORM pg_advisory_xact_lock_shared(number);
    END IF;
    RETURN 0;
END $$;
CREATE FUNCTION {schema}.gate(number bigint) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    IF number IN (1, 60000) THEN
        PERFORM pg_advisory_xact_lock_shared(number);
    END IF;
    RETURN 0;
END $$
"""


class Gate:
    """Holds up a server's rows."""

    def __init__(self, session: Session) -> None:
        self._session = session
        session.execute("DROP SCHEMA IF EXISTS gated CASCADE; CREATE SCHEMA gated")
        session.execute(sql.SQL(GATE).format(schema=sql.Identifier("gated")))
        for number in (1, 60000):
            session.execute("SELECT pg_advisory_lock(%s)", [number])

    def open(self, number: int) -> None:
        """Let the rows behind this one pass."""
        self._session.execute("SELECT pg_advisory_unlock(%s)", [number])


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_a_file(utf8: Starter, world: World, shop: Path, session: Session) -> None:
    """The share is that of the bytes whose rows have come. Rows are wide: those behind a gate do not fit a buffer."""
    gate = Gate(session)
    session.execute("CREATE TABLE gated.sales (id int, name text, gate int DEFAULT gated.gate())")
    lines = ["id,name", "x,bad", "y,bad", *(f"{row},{row:0400}" for row in range(ROWS))]
    (shop / "long.csv").write_text("\n".join(lines) + "\n")
    line = rf"copying  (%s[\d,]+) rows  [\d,]+ rows/s  2 rejected  (\d+)%%  {CLOCK}  {CLOCK} left"
    words = ["copy", "long.csv", "warehouse:gated.sales"]
    with utf8.terminal(words, Look(columns=100), cwd=shop, variables=world.variables) as terminal:
        first = terminal.wait_for(line % "")
        gate.open(1)
        second = terminal.wait_for(line % f"(?!{first[1]} )")
        gate.open(60000)
        assert terminal.end() == 0, terminal.text
        # Of the lines that moved nothing is left.
        assert terminal.text.startswith("warehouse:gated.sales in ")
        assert "rows/s" not in terminal.text
        assert terminal.text.count("\n") == 6
    for shown in (first, second):
        assert 0 < number(shown[1]) <= ROWS + 2
        # One block is read ahead, to know the last row.
        assert abs(number(shown[2]) - 100 * number(shown[1]) / ROWS) < 6
    assert number(first[1]) < number(second[1])
    assert session.execute("SELECT count(*) FROM gated.sales").fetchone() == (ROWS,)


def test_a_table_on_a_narrow_terminal(utf8: Starter, world: World, shop: Path, session: Session) -> None:
    """The share is that of the server's estimate; nothing is wider than the terminal."""
    with enter(world.source) as source:
        gate = Gate(source)
        source.execute(
            "CREATE TABLE gated.product AS SELECT id, repeat('x', 60) AS name FROM generate_series(1, 120000) AS id"
        )
        source.execute("ANALYZE gated.product")
        session.execute("DROP SCHEMA IF EXISTS gated CASCADE")
        words = ["copy", "source:gated.product", "warehouse:gated.product", "--column", "gate=gated.gate(id)"]
        line = rf"copying  ([\d,]+) rows  [\d,]+ rows/s\n  0 rejected  ~(\d+)%  {CLOCK}  {CLOCK} left"
        with utf8.terminal(words, Look(columns=40), cwd=shop, variables=world.variables) as terminal:
            terminal.wait_for(rf"copying  {CLOCK}|copying  0 rows")
            gate.open(1)
            terminal.wait_for(r"copying  5\d,\d\d\d rows")
            shown = terminal.wait_for(line)
            gate.open(60000)
            assert terminal.end() == 0, terminal.text
            assert "rows/s" not in terminal.text
    assert 50_000 < number(shown[1]) < 60_000
    assert abs(number(shown[2]) - 100 * number(shown[1]) / 120_000) < 5
    assert session.execute("SELECT count(*) FROM gated.product").fetchone() == (120_000,)


@pytest.mark.parametrize("kind", ["usual", "narrow", "C locale"])
def test_a_pipe_that_comes_slowly(
    kind: str, utf8: Starter, plain: Starter, world: World, shop: Path, session: Session
) -> None:
    session.execute("DROP SCHEMA IF EXISTS piped CASCADE")
    look = LOOKS[kind]
    starter = utf8 if look.locale == UTF8 else plain
    os.mkfifo(shop / "sales.csv.pipe")
    pipe = os.open(shop / "sales.csv.pipe", os.O_RDWR)  # at both ends, so that neither open waits
    words = ["copy", "sales.csv.pipe", "warehouse:piped.sales"]
    with starter.terminal(words, look, cwd=shop, variables=world.variables) as terminal:
        terminal.wait_for(rf"reading  {CLOCK}")
        os.write(pipe, b"id,name\n" + b"1,Lamp\n" * 6000)
        terminal.wait_for(rf"reading  42\.0 kB  {CLOCK}")
        os.write(pipe, b"2,Chair\n" * 6000)
        terminal.wait_for(rf"reading  90\.0 kB  {CLOCK}")
        os.close(pipe)
        assert terminal.end() == 0, terminal.text
        assert "reading" not in terminal.text
        check(kind, terminal)
    assert session.execute("SELECT count(*) FROM piped.sales").fetchone() == (12_000,)


class Failing:
    """Receives nothing."""

    def begin(self, *_: object) -> None:
        return

    def advance(self, *_: object) -> None:
        raise TypeError("unsupported format string")

    finish = advance
    update = advance


@pytest.mark.parametrize("source", ["source:gated.product", "sales.csv"])
def test_what_shows_progress_may_fail(
    source: str,
    world: World,
    shop: Path,
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name, value in world.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(shop)
    with enter(world.source) as opened:
        opened.execute("DROP SCHEMA IF EXISTS gated CASCADE; CREATE SCHEMA gated")
        opened.execute("CREATE TABLE gated.product AS SELECT generate_series(1, 3) AS id")
    session.execute("DROP SCHEMA IF EXISTS harmless CASCADE")
    with caplog.at_level(logging.WARNING):
        result = penstock.run(make_plan(source, "warehouse:harmless.made"), progress=Failing())
    assert result.loaded == 3
    assert session.execute("SELECT count(*) FROM harmless.made").fetchone() == (3,)
    assert caplog.messages == ["the progress receiver failed: TypeError: unsupported format string"]
