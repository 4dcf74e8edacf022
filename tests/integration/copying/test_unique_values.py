"""Unique values that move to another row: the copy reaches the source's state whenever that is valid."""

from __future__ import annotations

from typing import Any

import pytest
from tests.databases import Query
from tests.integration.copying.conftest import CopyText

from penstock.model.errors import ContractError

BEFORE = "INSERT INTO t VALUES (1, 'a@x'), (2, 'b@x'), (3, 'c@x'), (4, 'd@x')"
SWAP = "id,mail\n1,b@x\n2,a@x\n3,c@x\n4,d@x\n"
CHAIN = "id,mail\n1,b@x\n2,c@x\n3,d@x\n4,e@x\n5,a@x\n"
MOVES = pytest.mark.parametrize("text", [SWAP, CHAIN], ids=["swap", "chain"])


def expected(text: str) -> list[tuple[int, str]]:
    return [(int(line.split(",")[0]), line.split(",")[1]) for line in text.splitlines()[1:]]


def options(mode: str) -> dict[str, Any]:
    if mode != "interval":
        return {"mode": mode}
    return {"mode": mode, "interval_column": "id", "interval_start": "0", "interval_end": "9"}


@MOVES
@pytest.mark.parametrize("mode", ["merge", "replace", "mirror"])
@pytest.mark.parametrize(
    "table",
    [
        "CREATE TABLE t (id int PRIMARY KEY, mail text UNIQUE)",
        "CREATE TABLE t (id int PRIMARY KEY, mail varchar(3) NOT NULL UNIQUE)",
        "CREATE TABLE t (id int PRIMARY KEY DEFERRABLE, mail text NOT NULL UNIQUE DEFERRABLE)",
        "CREATE TABLE t (id int PRIMARY KEY, mail text); CREATE UNIQUE INDEX ON t (lower(mail)) WHERE id > 0",
        "CREATE TABLE t (id int, mail text, kept text DEFAULT 'k', UNIQUE NULLS NOT DISTINCT (mail))",
        (
            "CREATE TABLE t (id int PRIMARY KEY, mail text NOT NULL, UNIQUE (mail, id), UNIQUE (mail)); "
            "CREATE TABLE child (id int REFERENCES t ON DELETE CASCADE)"
        ),
        (
            "CREATE TABLE t (id int PRIMARY KEY, mail text NOT NULL UNIQUE); "
            "CREATE TABLE child (mail text REFERENCES t (mail) DEFERRABLE INITIALLY DEFERRED)"
        ),
    ],
    ids=["plain", "short", "deferrable", "expression", "nulls", "cascade", "referred"],
)
def test_values_move(copy_text: CopyText, query: Query, table: str, mode: str, text: str) -> None:
    query(table)
    query(BEFORE.replace(" VALUES", " (id, mail) VALUES"))
    if "child" in table:
        query("INSERT INTO child SELECT 1" if "CASCADE" in table else "INSERT INTO child VALUES ('a@x')")
    result = copy_text(text, key="id", **options(mode))
    assert (result.rejected, result.read) == (0, result.loaded)
    assert query("SELECT id, mail FROM t ORDER BY id") == expected(text)
    if "child" in table:
        assert len(query("SELECT 1 FROM child")) == 1
    if "kept" in table:
        assert query("SELECT DISTINCT kept FROM t") == [("k",)]


@MOVES
def test_values_move_within_an_interval(copy_text: CopyText, query: Query, text: str) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, mail text UNIQUE, at date DEFAULT '2013-02-01')")
    query(BEFORE.replace(" VALUES", " (id, mail) VALUES"))
    query("INSERT INTO t VALUES (9, 'z@x', '2013-03-01')")
    head, *rows = text.splitlines()
    dated = "\n".join([f"{head},at", *(f"{row},2013-02-01" for row in [*rows, "6,z@x"])])
    interval = {"interval_column": "at", "interval_start": "2013-02-01", "interval_end": "2013-03-01"}
    result = copy_text(dated, mode="interval", **interval)
    assert result.rejects == {"key_conflict": 1}
    assert query("SELECT id, mail FROM t ORDER BY id") == [*expected(text), (9, "z@x")]


def test_a_merge_respects_rows_that_stay(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, mail text UNIQUE)")
    query(BEFORE)
    # 3 cannot have d@x, which 4 keeps; so it keeps c@x, which 2 cannot have, and so on.
    result = copy_text("id,mail\n1,b@x\n2,c@x\n3,d@x\n", mode="merge", max_rejects="100%")
    assert result.rejects == {"key_conflict": 3}
    assert query("SELECT id, mail FROM t ORDER BY id") == [(1, "a@x"), (2, "b@x"), (3, "c@x"), (4, "d@x")]


def test_an_older_row_gives_up_nothing(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, mail text UNIQUE, n int)")
    query("INSERT INTO t VALUES (1, 'a@x', 5), (2, 'b@x', 5)")
    result = copy_text(
        "id,mail,n\n1,c@x,4\n2,a@x,6\n3,b@x,1\n", mode="merge", order_by="n", max_rejects="100%"
    )
    assert result.rejects == {"key_conflict": 3}
    assert query("SELECT id, mail FROM t ORDER BY id") == [(1, "a@x"), (2, "b@x")]


def test_replace_leaves_nothing_that_the_source_lacks(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, mail text UNIQUE)")
    query(BEFORE)
    result = copy_text("id,mail\n1,b@x\n2,b@x\n", mode="replace")
    assert (result.loaded, result.deleted, result.rejects) == (1, 3, {"key_conflict": 1})
    assert query("SELECT id, mail FROM t") == [(1, "b@x")]


@pytest.mark.parametrize("kind", ["text", "int", "uuid", "char(2)", "varchar(1)"])
def test_values_move_under_a_trigger(copy_text: CopyText, query: Query, kind: str) -> None:
    """The rows are updated, never deleted: a trigger would see that."""
    first, second = {
        "text": ("a", "b"),
        "int": ("1", "2"),
        "uuid": ("11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"),
        "char(2)": ("aa", "bb"),
        "varchar(1)": ("a", "b"),
    }[kind]
    query(f"CREATE TABLE t (id int PRIMARY KEY, v {kind} NOT NULL UNIQUE)")
    query(f"INSERT INTO t VALUES (1, '{first}'), (2, '{second}')")
    query(
        "CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'deleted'; END$$; "
        "CREATE TRIGGER never BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION never()"
    )
    result = copy_text(f"id,v\n1,{second}\n2,{first}\n", mode="merge")
    assert (result.updated, result.rejected) == (2, 0)
    assert query("SELECT v::text FROM t ORDER BY id") == [(second,), (first,)]


def test_what_cannot_move_is_an_error(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, v date NOT NULL UNIQUE)")
    query("CREATE TABLE child (id int REFERENCES t ON DELETE CASCADE)")
    query("INSERT INTO t VALUES (1, '2013-02-01'), (2, '2013-02-02'); INSERT INTO child VALUES (1)")
    with pytest.raises(ContractError, match=r"unique values \(v\) of public\.t move") as failed:
        copy_text("id,v\n1,2013-02-02\n2,2013-02-01\n", mode="merge")
    assert failed.value.hint == "make the unique constraint DEFERRABLE"
    assert query("SELECT id FROM child") == [(1,)]


def test_a_foreign_key_that_is_checked_too_early_is_named(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, mail text UNIQUE)")
    query("CREATE TABLE child (mail text REFERENCES t (mail))")
    query(BEFORE)
    query("INSERT INTO child VALUES ('a@x')")
    assert copy_text(SWAP, mode="merge").updated == 2
    with pytest.raises(ContractError, match="which its foreign keys or triggers prevent") as failed:
        copy_text("id,mail\n1,d@x\n2,c@x\n3,b@x\n4,e@x\n5,a@x\n", mode="merge")
    assert failed.value.hint == "make the foreign key child_mail_fkey of child DEFERRABLE"
