"""What each mode leaves in the table, and the account it gives."""

from __future__ import annotations

import pytest
from tests.databases import Query
from tests.integration.copying.conftest import CopyText

from penstock import CopyResult, PenstockError

TABLE = "CREATE TABLE t (id int PRIMARY KEY, name text, at date)"


def counts(result: CopyResult) -> dict[str, int]:
    """The account's numbers that are not zero."""
    return {k: v for k, v in result.to_dict().items() if isinstance(v, int) and not isinstance(v, bool) and v}


def test_append_adds_to_what_is_there(copy_text: CopyText, query: Query) -> None:
    query(TABLE)
    copy_text("id,name,at\n1,a,2013-02-01\n")
    result = copy_text("id,name,at\n2,b,2013-02-02\n")
    assert counts(result) == {"read": 1, "loaded": 1, "inserted": 1}
    assert query("SELECT id, name FROM t ORDER BY id") == [(1, "a"), (2, "b")]


def test_append_counts_equal_rows_and_keeps_different_ones_in_quarantine(
    copy_text: CopyText, query: Query
) -> None:
    query(TABLE)
    query("INSERT INTO t VALUES (1, 'old', NULL), (2, 'same', NULL)")
    result = copy_text("id,name,at\n1,new,\n2,same,\n3,x,\n3,x,\n3,y,\n")
    assert counts(result) == {"read": 5, "loaded": 1, "inserted": 1, "duplicates": 2, "rejected": 2}
    assert result.rejects == {"key_conflict": 2}
    assert query("SELECT id, name FROM t ORDER BY id") == [(1, "old"), (2, "same"), (3, "x")]
    assert query("SELECT line, raw FROM penstock_ledger.rejects ORDER BY line") == [
        (2, "1,new,"),
        (6, "3,y,"),
    ]


@pytest.mark.parametrize("existing", [False, True], ids=["straight", "staged"])
def test_the_way_rows_take_makes_no_difference(copy_text: CopyText, query: Query, existing: bool) -> None:
    query(TABLE)
    if existing:
        query("INSERT INTO t VALUES (99, 'there', NULL)")
    result = copy_text("id,name,at\n1,a,\n1,a,\n1,b,\n2,c,\nx,d,\n")
    assert counts(result) == {"read": 5, "loaded": 2, "inserted": 2, "duplicates": 1, "rejected": 2}
    assert result.rejects == {"bad_type": 1, "key_conflict": 1}
    assert query("SELECT id, name FROM t WHERE id < 99 ORDER BY id") == [(1, "a"), (2, "c")]
    assert query("SELECT line, reason, raw FROM penstock_ledger.rejects ORDER BY line") == [
        (4, "key_conflict", "1,b,"),
        (6, "bad_type", "x,d,"),
    ]


def test_replace_without_a_key(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int, name text)")
    copy_text("id,name\n1,a\n1,a\n")
    result = copy_text("id,name\n2,b\n", mode="replace")
    assert counts(result) == {"read": 1, "loaded": 1, "inserted": 1, "deleted": 2}
    assert query("SELECT id FROM t") == [(2,)]


def test_replace_with_a_key_rewrites_only_what_differs(copy_text: CopyText, query: Query) -> None:
    query(TABLE)
    query("INSERT INTO t VALUES (1, 'gone', NULL), (2, 'same', NULL), (3, 'old', NULL)")
    before = query("SELECT xmin::text FROM t WHERE id = 2")
    result = copy_text("id,name,at\n2,same,\n3,new,\n4,more,\n", mode="replace")
    assert counts(result) == {
        "read": 3,
        "loaded": 3,
        "inserted": 1,
        "updated": 1,
        "unchanged": 1,
        "deleted": 1,
    }
    assert query("SELECT id, name FROM t ORDER BY id") == [(2, "same"), (3, "new"), (4, "more")]
    assert query("SELECT xmin::text FROM t WHERE id = 2") == before


@pytest.mark.parametrize("key", ["id", ""], ids=["keyed", "keyless"])
def test_interval_replaces_its_own_rows_only(copy_text: CopyText, query: Query, key: str) -> None:
    query("CREATE TABLE t (id int, at date)")
    query("INSERT INTO t VALUES (1, '2013-02-01'), (2, '2013-02-02'), (3, '2013-02-02'), (4, '2013-02-03')")
    result = copy_text(
        "id,at\n2,2013-02-02\n5,2013-02-02\n6,2013-02-03\n7,\n",
        mode="interval",
        key=key,
        interval_column="at",
        interval_start="2013-02-02",
        interval_end="2013-02-03",
    )
    assert result.rejects == {"outside_interval": 2}
    assert (result.read, result.loaded, result.deleted) == (4, 2, 1 if key else 2)
    assert query("SELECT id FROM t ORDER BY id") == [(1,), (2,), (4,), (5,)]


def test_interval_does_not_take_a_row_out_of_another_interval(copy_text: CopyText, query: Query) -> None:
    query(TABLE)
    query("INSERT INTO t VALUES (1, 'a', '2013-02-01')")
    result = copy_text(
        "id,name,at\n1,moved,2013-02-02\n",
        mode="interval",
        interval_column="at",
        interval_start="2013-02-02",
        interval_end="2013-02-03",
        max_rejects="100%",
    )
    assert result.rejects == {"key_conflict": 1}
    assert query("SELECT name FROM t") == [("a",)]


@pytest.mark.parametrize("index", ["PRIMARY KEY", ""], ids=["indexed", "plain"])
def test_merge(copy_text: CopyText, query: Query, index: str) -> None:
    query(f"CREATE TABLE t (id int {index}, name text)")
    query("INSERT INTO t VALUES (1, 'stays'), (2, 'same'), (3, 'old')")
    before = query("SELECT xmin::text FROM t WHERE id = 2")
    result = copy_text("id,name\n2,same\n3,mid\n3,new\n4,more\n", mode="merge", key="id")
    assert counts(result) == {
        "read": 4,
        "loaded": 3,
        "inserted": 1,
        "updated": 1,
        "unchanged": 1,
        "rejected": 1,
    }
    assert query("SELECT id, name FROM t ORDER BY id") == [(1, "stays"), (2, "same"), (3, "new"), (4, "more")]
    assert query("SELECT xmin::text FROM t WHERE id = 2") == before
    assert query("SELECT raw FROM penstock_ledger.rejects") == [("3,mid",)]


def test_merge_is_settled_by_the_order_column(copy_text: CopyText, query: Query) -> None:
    query(TABLE)
    query("INSERT INTO t VALUES (1, 'newer', '2013-02-09'), (2, 'older', '2013-02-01')")
    result = copy_text(
        "id,name,at\n1,late,2013-02-02\n2,b,2013-02-05\n2,c,2013-02-04\n2,d,\n", mode="merge", order_by="at"
    )
    assert (result.updated, result.rejects) == (1, {"key_conflict": 3})
    assert query("SELECT id, name FROM t ORDER BY id") == [(1, "newer"), (2, "b")]


def test_merge_needs_a_key(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int)")
    with pytest.raises(PenstockError, match="needs a key"):
        copy_text("id\n1\n", mode="merge")


@pytest.mark.parametrize("mode", ["append", "replace", "merge", "interval"])
def test_the_same_copy_again_changes_nothing(copy_text: CopyText, query: Query, mode: str) -> None:
    query("CREATE TABLE t (id int, at date)")
    options = {"mode": mode, "key": "id"}
    if mode == "interval":
        options |= {"interval_column": "at", "interval_start": "2013-02-01", "interval_end": "2013-03-01"}
    text = "id,at\n1,2013-02-01\n1,2013-02-01\nx,2013-02-02\n"
    first = copy_text(text, **options)
    second = copy_text(text, name="moved.csv", **options)
    assert second.already
    assert second.to_dict() | {"already": False} == first.to_dict()
    assert query("SELECT count(*) FROM t") == [(1,)]
    assert query("SELECT count(*) FROM penstock_ledger.copies") == [(1,)]
    assert query("SELECT count(*) FROM penstock_ledger.rejects") == [(1,)]


def test_again_forces_it(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int)")
    copy_text("id\n1\n")
    assert not copy_text("id\n1\n", again=True).already
    assert query("SELECT id FROM t") == [(1,), (1,)]


def test_a_table_made_anew_is_filled_anew(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int)")
    copy_text("id\n1\n")
    query("DROP TABLE t; CREATE TABLE t (id int)")
    assert not copy_text("id\n1\n").already
    assert query("SELECT id FROM t") == [(1,)]


def test_replacing_back_is_no_repetition(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int)")
    for text in ("id\n1\n", "id\n2\n", "id\n1\n"):
        assert not copy_text(text, mode="replace").already
    assert query("SELECT id FROM t") == [(1,)]


@pytest.mark.parametrize("mode", ["append", "replace", "merge"])
def test_a_row_never_loses_to_a_row_that_does_not_load(copy_text: CopyText, query: Query, mode: str) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, code text UNIQUE, name text)")
    result = copy_text("id,code,name\n1,x,a\n2,x,b\n2,y,c\n1,x,a\n", mode=mode)
    assert counts(result) == {"read": 4, "loaded": 2, "inserted": 2, "duplicates": 1, "rejected": 1}
    assert query("SELECT id, code FROM t ORDER BY id") == [(1, "x"), (2, "y")]
    assert query("SELECT line, message FROM penstock_ledger.rejects") in (
        [(3, "another row with this code wins by its place in the input")],
        [(3, "another row with this id wins by its place in the input")],
    )


def test_a_row_does_not_lose_to_one_that_the_table_rejects(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, code text UNIQUE, name text UNIQUE)")
    query("INSERT INTO t VALUES (9, 'p', 'q')")
    result = copy_text("id,code,name\n1,p,n\n2,a,n\n2,b,m\n9,p,q\n")
    assert (result.inserted, result.duplicates, result.rejects) == (1, 1, {"key_conflict": 2})
    assert query("SELECT id, code FROM t ORDER BY id") == [(2, "a"), (9, "p")]


@pytest.mark.parametrize(
    ("index", "good", "bad"),
    [
        ("UNIQUE NULLS NOT DISTINCT (code)", "1,\n2,a", "3,\n4,a"),
        ("EXPRESSION (lower(code))", "1,a\n2,b", "3,A\n4,B"),
        ("PARTIAL (code) WHERE name IS NULL", "1,a\n2,b", "3,a\n4,b"),
    ],
    ids=["nulls", "expression", "partial"],
)
@pytest.mark.parametrize("existing", [False, True], ids=["in the file", "in the table"])
def test_every_kind_of_unique_index(
    copy_text: CopyText, query: Query, index: str, good: str, bad: str, existing: bool
) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, code text, name text)")
    kind, _, rest = index.partition(" ")
    query(f"ALTER TABLE t ADD {index}" if kind == "UNIQUE" else f"CREATE UNIQUE INDEX ON t {rest}")
    rows = [line + "," for line in f"{good}\n{bad}".splitlines()]
    if existing:
        copy_text("\n".join(["id,code,name", *rows[:2]]), name="first.csv")
        rows = rows[2:]
    result = copy_text("\n".join(["id,code,name", *rows, "7,z,z"]))
    assert result.rejects == {"key_conflict": 2}
    assert query("SELECT id FROM t ORDER BY id") == [(1,), (2,), (7,)]
