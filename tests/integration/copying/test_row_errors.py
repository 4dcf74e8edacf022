"""Rows that make the server fail go to quarantine, with their line and the server's message."""

from __future__ import annotations

import pytest
from tests.databases import Query
from tests.integration.copying.conftest import CopyText

from penstock.model.errors import TargetError, TooManyRejects

RAISES = (
    "CREATE FUNCTION picky() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
    "IF NEW.v = 'bad' THEN RAISE '% is bad', NEW.id; END IF; RETURN NEW; END$$; "
    "CREATE TRIGGER picky BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION picky()"
)


def rejected(query: Query) -> list[tuple[int, str, str]]:
    return query("SELECT line, reason, message FROM penstock_ledger.rejects ORDER BY line")


@pytest.mark.parametrize("mode", ["append", "replace", "merge", "mirror"])
@pytest.mark.parametrize("existing", [False, True], ids=["empty", "filled"])
def test_a_trigger_that_raises(copy_text: CopyText, query: Query, mode: str, existing: bool) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, v text)")
    query(RAISES)
    if existing:
        query("INSERT INTO t VALUES (5, 'old'), (9, 'old')")
    rows = [f"{number},{'bad' if number in (3, 7, 8) else 'good'}" for number in range(1, 8)]
    text = "\n".join(["id,v", *rows, "8,bad"])
    result = copy_text(text, mode=mode, key="id")
    loaded = {1, 2, 4, 6} | ({5} if mode != "append" or not existing else set())
    assert result.rejects == {"server_error": 3} | ({"key_conflict": 1} if len(loaded) == 4 else {})
    assert {id_ for (id_,) in query("SELECT id FROM t WHERE v = 'good'")} == loaded
    assert [row for row in rejected(query) if row[1] == "server_error"] == [
        (4, "server_error", "3 is bad"),
        (8, "server_error", "7 is bad"),
        (9, "server_error", "8 is bad"),
    ]
    assert query("SELECT raw FROM penstock_ledger.rejects WHERE line = 4") == [("3,bad",)]
    assert copy_text(text, mode=mode, key="id", name="moved.csv").already


@pytest.mark.parametrize(
    ("table", "text", "reasons"),
    [
        (
            "CREATE TABLE t (id int, v int) PARTITION BY LIST (v); CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1)",
            "id,v\n1,1\n2,2\n3,1\n",
            [(3, "check", 'no partition of relation "t" found for row')],
        ),
        (
            "CREATE TABLE t (id int, v int4range, EXCLUDE USING gist (v WITH &&))",
            'id,v\n1,"[1,5)"\n2,"[4,6)"\n3,"[7,8)"\n',
            [(3, "key_conflict", 'conflicting key value violates exclusion constraint "t_v_excl"')],
        ),
        (
            (
                "CREATE TABLE p (a int, b int, PRIMARY KEY (a, b)); INSERT INTO p VALUES (1, 1); "
                "CREATE TABLE t (id int, a int, b int, FOREIGN KEY (a, b) REFERENCES p MATCH FULL)"
            ),
            "id,a,b\n1,1,1\n2,1,\n3,,\n",
            [
                (
                    3,
                    "foreign_key",
                    'insert or update on table "t" violates foreign key constraint "t_a_b_fkey"',
                )
            ],
        ),
        (
            "CREATE TABLE t (id int, v int CHECK (10 / v > 1))",
            "id,v\n1,1\n2,0\n3,9\n4,2\n",
            [(3, "check", "division by zero"), (4, "check", "violates t_v_check: ((10 / v) > 1)")],
        ),
        (
            "CREATE TABLE t (id int, v int); CREATE UNIQUE INDEX ON t ((10 / v))",
            "id,v\n1,1\n2,0\n3,5\n",
            [(3, "server_error", "division by zero")],
        ),
        (
            "CREATE TABLE t (id int, v int, w int GENERATED ALWAYS AS (10 / v) STORED)",
            "id,v\n1,1\n2,0\n3,5\n",
            [(3, "server_error", "division by zero")],
        ),
        (
            "CREATE TABLE t (id int, v regclass)",
            "id,v\n1,pg_class\n2,nowhere\n3,pg_type\n",
            [(3, "bad_type", 'relation "nowhere" does not exist')],
        ),
        (
            "CREATE TABLE t (id int, v regclass)",
            "id,v\n1,pg_class\n2,1259\n3,pg_type\n",
            [(3, "bad_type", 'relation "1259" does not exist')],
        ),
        (
            "CREATE TABLE t (id int, v text UNIQUE)",
            f"id,v\n1,a\n2,{''.join(map(chr, range(0x4E00, 0x4E00 + 9000)))}\n3,b\n",
            [(3, "server_error", "index row requires 27016 bytes, maximum size is 8191")],
        ),
        (
            (
                "CREATE TABLE t (id int PRIMARY KEY, boss int REFERENCES t DEFERRABLE INITIALLY DEFERRED, "
                "v int, EXCLUDE (v WITH =) DEFERRABLE INITIALLY DEFERRED)"
            ),
            "id,boss,v\n1,,1\n2,1,1\n3,1,2\n",
            [(3, "key_conflict", 'conflicting key value violates exclusion constraint "t_v_excl"')],
        ),
    ],
    ids=[
        "partition",
        "exclusion",
        "full",
        "check",
        "index",
        "generated",
        "regclass",
        "oid",
        "long",
        "deferred",
    ],
)
def test_one_row_never_fails_the_copy(
    copy_text: CopyText, query: Query, table: str, text: str, reasons: list[tuple[int, str, str]]
) -> None:
    query(table)
    result = copy_text(text)
    assert rejected(query) == reasons
    assert result.loaded == result.read - len(reasons)
    assert query("SELECT count(*) FROM t") == [(result.loaded,)]


def test_dates_at_the_end_of_time(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int, at date) PARTITION BY RANGE (at)")
    result = copy_text("id,at\n1,2013-02-01\n2,9999-12-31\n3,infinity\n4,-infinity\n5,\n")
    assert (result.loaded, result.rejects) == (2, {"check": 3})
    assert query("SELECT tableoid::regclass::text, id FROM t ORDER BY id") == [
        ("t_2013_02", 1),
        ("t_9999_12", 2),
    ]
    query("CREATE TABLE t_rest PARTITION OF t FOR VALUES FROM (MINVALUE) TO ('2000-01-01')")
    assert copy_text("id,at\n6,1999-02-01\n7,2013-03-01\n", name="more.csv").loaded == 2


def test_rows_do_not_lose_to_rows_that_fail(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, v text, code text UNIQUE)")
    query(RAISES)
    query("INSERT INTO t VALUES (1, 'good', 'x'), (2, 'good', 'y'), (3, 'good', 'z')")
    # 2 would win w, but fails and keeps y: 1 cannot have y, and 3 gets w.
    result = copy_text("id,v,code\n1,good,y\n3,good,w\n2,bad,w\n5,good,u\n4,bad,u\n", mode="merge", key="id")
    assert result.rejects == {"server_error": 2, "key_conflict": 1}
    assert query("SELECT id, code FROM t ORDER BY id") == [(1, "x"), (2, "y"), (3, "w"), (5, "u")]


def test_values_move_beside_rows_that_fail(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, v text, code text NOT NULL UNIQUE)")
    query(RAISES)
    query("INSERT INTO t SELECT n, 'good', n FROM generate_series(1, 9) AS n")
    rows = [
        f"{number},{'bad' if number == 5 else 'good'},{5 if number == 5 else 10 - number}"
        for number in range(1, 10)
    ]
    result = copy_text("\n".join(["id,v,code", *rows]), mode="merge", key="id")
    assert (result.updated, result.rejects) == (8, {"server_error": 1})
    assert query("SELECT count(*) FROM t WHERE code = (10 - id)::text") == [(9,)]


def test_a_count_of_rejects_ends_the_search(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int, v text)")
    query(RAISES)
    rows = "\n".join(f"{number},bad" for number in range(500))
    with pytest.raises(TooManyRejects, match="0 is bad"):
        copy_text(f"id,v\n{rows}\n", max_rejects="3")


def test_an_error_that_no_row_causes_fails_the_copy(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int, v text)")
    query("CREATE FUNCTION shut() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'shut'; END$$")
    query("CREATE TRIGGER shut BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION shut()")
    with pytest.raises(TargetError, match="t: shut"):
        copy_text("id,v\n1,a\n")


def test_rows_that_refer_to_later_ones(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, v text, boss int REFERENCES t)")
    query(RAISES)
    result = copy_text("id,v,boss\n1,good,3\n2,bad,4\n3,good,4\n4,good,1\n5,good,2\n6,good,5\n")
    assert result.rejects == {"server_error": 1, "foreign_key": 2}
    assert query("SELECT id FROM t ORDER BY id") == [(1,), (3,), (4,)]
