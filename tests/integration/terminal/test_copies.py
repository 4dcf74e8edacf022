"""Every kind of copy, typed on a terminal: something moves, the table is made, and the account stands there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.databases import enter
from tests.integration.apis.service import KEY, serving
from tests.integration.terminal.conftest import Session, World
from tests.integration.terminal.test_commands import LOOKS, check
from tests.terminal import UTF8, Starter

PLAN = """
source: api:/weather
auth: {query: appid}
each: {product: {id: [1, 2, 3]}}
columns: {id: id, name: name}
"""
HIDDEN = b"\x1b[?25l"  # the cursor, while a line moves


class Typed:
    """Types commands in a project; each is a program started from nothing, on a terminal of its own."""

    def __init__(self, starter: Starter, world: World, place: Path) -> None:
        self.place = place
        self.variables = dict(world.variables)
        self._starter = starter

    def __call__(self, *words: str) -> str:
        """What stands on the screen once the command has ended well."""
        command = ["penstock", *words]
        with self._starter.terminal(command, cwd=self.place, variables=self.variables, real=True) as terminal:
            assert terminal.end() == 0, terminal.text
            check("usual", terminal)
            assert HIDDEN in terminal.raw
            return terminal.text

    def account(self, text: str) -> dict[str, int]:
        """The counts of an account that was printed."""
        parts = (line.split() for line in text.splitlines() if line.startswith("  "))
        return {
            part[0]: int(part[1].replace(",", ""))
            for part in parts
            if part[1:] and part[1].replace(",", "").isdigit()
        }


@pytest.fixture
def typed(utf8: Starter, world: World, shop: Path, session: Session) -> Typed:
    session.execute("DROP SCHEMA IF EXISTS made CASCADE")
    return Typed(utf8, world, shop)


def rows(session: Session, table: str) -> list[Any]:
    return session.execute(f"TABLE {table} ORDER BY 1").fetchall()


def test_a_file_into_a_table(typed: Typed, session: Session) -> None:
    account = typed.account(typed("copy", "sales.csv", "warehouse:made.sales"))
    assert (account["read"], account["loaded"]) == (3, 3)
    assert rows(session, "made.sales") == [("1", "Lamp"), ("2", "Chair"), ("three", "Zoë")]


def test_a_table_into_a_table(typed: Typed, session: Session) -> None:
    account = typed.account(typed("copy", "source:shop.product", "warehouse:made.product"))
    assert (account["read"], account["loaded"]) == (3, 3)
    assert rows(session, "made.product") == [(1,), (2,), (3,)]


def test_control_characters_of_a_row_are_shown_and_do_nothing(
    typed: Typed, session: Session, utf8: Starter
) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07\x9b5A\r\u202e"
    (typed.place / "evil.csv").write_text(f"id,name\n1,{evil}\n2{evil},b\n", encoding="utf-8", newline="")
    session.execute("CREATE SCHEMA made; CREATE TABLE made.evil (id int PRIMARY KEY, name text)")
    options: dict[str, Any] = {"cwd": typed.place, "variables": typed.variables, "real": True}
    copied = utf8.terminal(["penstock", "copy", "evil.csv", "warehouse:made.evil", "--json"], **options)
    with copied as terminal:
        assert terminal.end() == 0, terminal.text
        copy = terminal.text.split('"id": "')[1][:12]
    for words in (["preview", "evil.csv"], ["rejects", "show", copy]):
        with utf8.terminal(["penstock", *words], **options) as terminal:
            assert terminal.end() == 0, terminal.text
            raw = terminal.raw.decode()
            assert "owned" in raw
            assert not any(one in raw for one in ("\x1b[2J", "\x1b]0", "\x07", "\x9b", "\u202e"))


def test_a_whole_schema(typed: Typed, session: Session) -> None:
    text = typed("copy", "--all", "source:shop", "warehouse:made")
    assert "2 tables" in text
    assert rows(session, "made.customer") == [("Ann",)]
    assert rows(session, "made.product") == [(1,), (2,), (3,)]


def test_a_table_into_files(typed: Typed) -> None:
    account = typed.account(typed("copy", "source:shop.product", "out/", "--compression", "none"))
    assert account["loaded"] == 3
    assert list(typed.place.glob("out/*.parquet"))


def test_an_api_into_the_lake_and_on_into_a_table(typed: Typed, session: Session) -> None:
    (typed.place / "plan.yaml").write_text(PLAN)
    with serving() as service:
        typed.variables["PENSTOCK_CONN_API"] = f"http://:{KEY}@127.0.0.1:{service.port}"
        assert "lake:weather in " in typed("copy", "plan.yaml", "lake:weather")
    account = typed.account(typed("copy", "lake:weather", "warehouse:made.weather"))
    assert account["loaded"] == 3
    assert [row[1] for row in rows(session, "made.weather")] == ["city 1", "city 2", "city 3"]


def test_rejects_once_more(typed: Typed, session: Session) -> None:
    session.execute("CREATE SCHEMA made; CREATE TABLE made.counted (id int, name text)")
    (typed.place / "counted.csv").write_text("id,name\n1,Lamp\nthree,Chair\n")
    text = typed("copy", "counted.csv", "warehouse:made.counted")
    assert typed.account(text)["rejected"] == 1
    session.execute("ALTER TABLE made.counted ALTER id TYPE text")
    copy_id = text.rpartition("rejects show ")[2].strip()
    assert typed.account(typed("rejects", "replay", copy_id))["loaded"] == 1
    assert rows(session, "made.counted") == [("1", "Lamp"), ("three", "Chair")]


@pytest.mark.parametrize("kind", LOOKS)
def test_a_file_in_every_kind_of_terminal(
    kind: str, utf8: Starter, plain: Starter, world: World, shop: Path, session: Session
) -> None:
    session.execute("DROP SCHEMA IF EXISTS made CASCADE")
    look = LOOKS[kind]
    starter = utf8 if look.locale == UTF8 else plain
    words = ["copy", "sales.csv", "warehouse:made.sales"]
    with starter.terminal(words, look, cwd=shop, variables=world.variables) as terminal:
        assert terminal.end() == 0, terminal.text
        check(kind, terminal)
        assert (HIDDEN in terminal.raw) == (kind != "dumb")
    assert len(rows(session, "made.sales")) == 3


def test_in_a_pipe_and_with_nobody_who_reads_it(
    utf8: Starter, world: World, shop: Path, session: Session
) -> None:
    session.execute("DROP SCHEMA IF EXISTS made CASCADE")
    words = ["copy", "sales.csv", "warehouse:made.sales"]
    done = utf8.pipe(words, cwd=shop, variables=world.variables, closed=True)
    assert (done.code, done.err) == (141, "")
    assert len(rows(session, "made.sales")) == 3  # only the account is not read; the rows are copied
    done = utf8.pipe([*words, "--json"], cwd=shop, variables=world.variables)
    assert (done.code, done.err, json.loads(done.out)["already"]) == (0, "", True)


def test_with_closed_streams(utf8: Starter, world: World, shop: Path, session: Session) -> None:
    """As `penstock ... >&-`: files and connections that are opened must not take their numbers."""
    session.execute("DROP SCHEMA IF EXISTS made CASCADE")
    closed = "exec 0<&- 1>&- 2>&-; exec penstock copy sales.csv warehouse:made.sales"
    done = utf8.pipe(["sh", "-c", closed], cwd=shop, variables=world.variables, real=True)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert len(rows(session, "made.sales")) == 3


@pytest.fixture(scope="session", autouse=True)
def _source(world: World) -> None:
    with enter(world.source) as opened:
        opened.execute(
            "CREATE SCHEMA shop; CREATE TABLE shop.product AS SELECT * FROM generate_series(1, 3) AS id"
        )
        opened.execute("CREATE TABLE shop.customer AS SELECT text 'Ann' AS name")
