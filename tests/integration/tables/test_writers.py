"""Copies while others write at the source: each is of one instant, and none leaves a row behind for good."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from tests.databases import Query, uri

import penstock
from penstock.model.connection import Connection
from penstock.postgres.relay import source_table
from penstock.routes.comparison import compare

ACCOUNTS = 400
MONEY = 100 * ACCOUNTS

Write = Callable[[psycopg.Connection[Any], random.Random], None]


@contextmanager
def writers(source: Connection, write: Write, count: int) -> Iterator[None]:
    """So many sessions that write as long as the block lasts."""
    ended = threading.Event()
    failed: list[BaseException] = []

    def work(number: int) -> None:
        chance = random.Random(number)
        try:
            with psycopg.connect(uri(source)) as session:
                while not ended.is_set():
                    write(session, chance)
                    session.commit()
        except psycopg.Error as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert not failed, failed


def transfer(session: psycopg.Connection[Any], chance: random.Random) -> None:
    """Money goes from one account to another, and the accounts to the other end of the table."""
    payer, payee = sorted(chance.sample(range(ACCOUNTS), 2))
    amount = chance.randint(1, 50)
    session.execute("UPDATE account SET balance = balance - %s WHERE id = %s", [amount, payer])
    session.execute("UPDATE account SET balance = balance + %s WHERE id = %s", [amount, payee])


@pytest.mark.parametrize("mode", ["replace", "merge", "mirror"])
def test_each_copy_is_of_one_instant(
    source: Connection, here: Query, there: Query, monkeypatch: pytest.MonkeyPatch, mode: Any
) -> None:
    monkeypatch.setattr(
        source_table, "PART_PAGES", 2
    )  # so that a small table is read in ranges, over two connections
    here("CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL, filler text NOT NULL)")
    here("INSERT INTO account SELECT n, 100, repeat('x', 200) FROM generate_series(0, %s) AS n", ACCOUNTS - 1)
    with writers(source, transfer, 3):
        for _ in range(6):
            penstock.copy("source:account", "warehouse:account", mode=mode)
            assert there("SELECT count(*), sum(balance) FROM account") == [(ACCOUNTS, MONEY)]
    penstock.copy("source:account", "warehouse:account", mode=mode)
    assert compare("source:account", "warehouse:account").same


def note(session: psycopg.Connection[Any], chance: random.Random) -> None:
    """Rows under the time at which their transaction began, which may be committed after the next copy has looked."""
    for _ in range(chance.randint(1, 3)):
        session.execute("INSERT INTO note (body) VALUES ('new')")
    session.execute(
        "UPDATE note SET body = 'changed', updated_at = now() WHERE id = %s", [chance.randint(1, 500)]
    )
    time.sleep(chance.random() * 0.2)


@pytest.mark.parametrize("cursor", ["updated_at", "id", "xmin"])
def test_incremental_copies_leave_nothing_behind(source: Connection, here: Query, cursor: str) -> None:
    here(
        "CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text,"
        " updated_at timestamptz DEFAULT now())"
    )
    if cursor == "id":  # finds new rows only
        here("CREATE RULE fixed AS ON UPDATE TO note DO INSTEAD NOTHING")
    with writers(source, note, 4):
        copies = [penstock.copy("source:note", "warehouse:note", cursor=cursor) for _ in range(12)]
    copies.append(penstock.copy("source:note", "warehouse:note", cursor=cursor))
    assert compare("source:note", "warehouse:note").same
    total = here("SELECT count(*) FROM note")[0][0]
    assert sum(copy.inserted for copy in copies) == total > 10
