"""The table is the contract: what it demands decides what is a good row."""

from __future__ import annotations

import pytest
from tests.databases import Query
from tests.integration.copying.conftest import CopyText

from penstock import PenstockError
from penstock.model.errors import ContractError, TooManyRejects

Rejected = list[tuple[int, str, str | None]]


def rejected(query: Query) -> Rejected:
    return [
        (line, reason, column)
        for line, reason, column in query(
            'SELECT line, reason, "column" FROM penstock_ledger.rejects ORDER BY line'
        )
    ]


def test_types_lengths_and_nulls(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (n smallint NOT NULL, code varchar(3), price numeric(6,2), day date)")
    result = copy_text(
        "n,code,price,day\n"
        "1,abc,1.20,2013-02-28\n"
        ",abc,1,2013-02-01\n"
        "70000,abc,1,2013-02-01\n"
        "2,abcd,1,2013-02-01\n"
        "3,abc,1.239,2013-02-01\n"
        "4,abc,12345,2013-02-01\n"
        "5,abc,1,2013-02-30\n"
        "six,abc,1,2013-02-01\n"
    )
    assert result.loaded == 1
    assert rejected(query) == [
        (3, "missing", "n"),
        (4, "out_of_range", "n"),
        (5, "too_long", "code"),
        (6, "out_of_range", "price"),
        (7, "out_of_range", "price"),
        (8, "bad_type", "day"),
        (9, "bad_type", "n"),
    ]


def test_checks(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (q int CHECK (q > 0 AND q % 2 = 1), w text CHECK (w LIKE 'a%'))")
    result = copy_text("q,w\n1,ab\n2,ab\n-1,ab\n3,b\n,\n")
    assert (result.loaded, result.rejects) == (2, {"check": 3})
    assert [line for line, _, _ in rejected(query)] == [3, 4, 5]
    assert query("SELECT raw FROM penstock_ledger.rejects ORDER BY line") == [("2,ab",), ("-1,ab",), ("3,b",)]


def test_foreign_keys(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE city (id int PRIMARY KEY); INSERT INTO city VALUES (1)")
    query("CREATE TABLE t (id int PRIMARY KEY, city int REFERENCES city, boss int REFERENCES t)")
    # 3 refers to 4, which is bad; 5 refers to 3, which is bad by then; 2 refers to a row of the same file.
    result = copy_text("id,city,boss\n1,1,2\n2,,\n3,1,4\n4,9,\n5,1,3\n")
    assert (result.loaded, result.rejects) == (2, {"foreign_key": 3})
    assert [line for line, _, _ in rejected(query)] == [4, 5, 6]


def test_another_unique_constraint(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, mail text UNIQUE)")
    query("INSERT INTO t VALUES (1, 'a@x')")
    result = copy_text("id,mail\n2,a@x\n3,b@x\n4,b@x\n5,\n6,\n")
    assert (result.loaded, result.rejects) == (3, {"key_conflict": 2})
    assert query("SELECT id FROM t ORDER BY id") == [(1,), (3,), (5,), (6,)]


def test_types_that_only_the_server_can_read(copy_text: CopyText, query: Query) -> None:
    query("CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE DOMAIN small AS int CHECK (VALUE < 10)")
    query("CREATE TABLE t (m mood, s small, j jsonb, a int[], ts timestamptz)")
    result = copy_text(
        "m,s,j,a,ts\n"
        'glad,1,"{""k"": 1}","{1,2}",infinity\n'
        "angry,1,{},{},2013-02-01\n"
        "sad,11,{},{},2013-02-01\n"
        "sad,1,{,{},2013-02-01\n"
        "sad,1,{},{x},2013-02-01\n"
    )
    assert result.loaded == 1
    assert rejected(query) == [
        (3, "bad_type", "m"),
        (4, "check", "s"),
        (5, "bad_type", "j"),
        (6, "bad_type", "a"),
    ]
    assert query("SELECT m::text, s::int, j, a, ts::text FROM t") == [
        ("glad", 1, {"k": 1}, [1, 2], "infinity")
    ]


def test_defaults_identities_and_generated_columns_may_be_absent(copy_text: CopyText, query: Query) -> None:
    query(
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, n int, twice int GENERATED ALWAYS AS (2 * n) STORED,"
        " at date NOT NULL DEFAULT '2013-02-01')"
    )
    assert copy_text("n\n3\n").loaded == 1
    assert query("SELECT id, n, twice, at::text FROM t") == [(1, 3, 6, "2013-02-01")]


def test_partitions_are_made_as_rows_need_them(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)")
    result = copy_text("id,at\n1,2013-01-31\n2,2013-02-01\n3,2013-12-31\n4,\n", mode="merge", key="id")
    assert result.loaded == 3
    assert query("SELECT tableoid::regclass::text, id FROM t ORDER BY id") == [
        ("t_2013_01", 1),
        ("t_2013_02", 2),
        ("t_2013_12", 3),
    ]
    assert copy_text("id,at\n1,2013-02-03\n", mode="merge", key="id").updated == 1
    assert query("SELECT tableoid::regclass::text FROM t WHERE id = 1") == [("t_2013_02",)]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("id,nme\n1,a\n", {}, "the source has column nme"),
        ("id\n1\n", {}, "lacks column name"),
        ("name\na\n", {}, "lacks column id"),
        ("id,name\n1,a\n", {"key": "nope"}, "'nope'"),
        ("id,name\n1,a\n", {"mode": "merge", "order_by": "nope"}, "'nope'"),
        ("id,name\n1,a\n", {"filter_column": "nope", "filter_value": "1"}, "'nope'"),
    ],
)
def test_columns_that_do_not_fit(
    copy_text: CopyText, query: Query, text: str, options: dict[str, str], words: str
) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, name text)")
    with pytest.raises(ContractError, match=words):
        copy_text(text, **options)
    assert query("SELECT count(*) FROM t") == [(0,)]


def test_columns_may_be_left_out_where_the_plan_says_so(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, name text)")
    assert copy_text("id,more\n1,a\n", skip_extra=True, fill_missing=True).loaded == 1
    assert query("SELECT id, name FROM t") == [(1, None)]


def test_names_match_after_normalising(copy_text: CopyText, query: Query) -> None:
    query('CREATE TABLE t (sale_id int PRIMARY KEY, "Ship Mode" text)')
    copy_text("SaleID,ship_mode\n1,air\n", key="SALE ID")
    assert query("SELECT * FROM t") == [(1, "air")]


def test_a_filter_is_no_reject(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int, at date)")
    result = copy_text(
        "id,at\n1,2013-02-01\n2,2013-02-02\nx,2013-02-02\n", filter_column="at", filter_value="2013-02-02"
    )
    assert (result.read, result.loaded, result.rejected, result.filtered) == (2, 1, 1, 1)


@pytest.mark.parametrize("limit", ["1", "20%"])
def test_too_many_rejects_publish_nothing(copy_text: CopyText, query: Query, limit: str) -> None:
    query("CREATE TABLE t (id int)")
    with pytest.raises(TooManyRejects, match=r"in.csv:3: bad_type: invalid integer 'x'") as caught:
        copy_text("id\n1\nx\ny\n", max_rejects=limit)
    assert caught.value.exit_code == 3
    assert query("SELECT count(*) FROM t") == [(0,)]
    assert copy_text("id\n1\nx\ny\n", max_rejects="2").rejected == 2


def test_names_reach_sql_as_identifiers_only(copy_text: CopyText, query: Query) -> None:
    name = '"; DROP TABLE victim; --'
    query("CREATE TABLE victim (id int)")
    result = copy_text(
        f'id,"{name.replace(chr(34), chr(34) * 2)}"\n1,2\n', "warehouse:t'; drop table victim; --"
    )
    assert result.loaded == 1
    assert query("SELECT count(*) FROM victim") == [(0,)]


def test_a_view_is_no_target(copy_text: CopyText, query: Query) -> None:
    query("CREATE VIEW t AS SELECT 1 AS id")
    with pytest.raises(PenstockError, match="is not a table"):
        copy_text("id\n1\n")


def test_the_server_never_rounds_or_guesses(copy_text: CopyText, query: Query) -> None:
    query(
        "CREATE TABLE t (id int, a timestamp(3), b timestamptz(0), c time(2), d numeric(4,-2), e numeric(3,5), "
        "f timestamp)"
    )
    good = "1,2013-02-03 04:05:06.120,2013-02-03 04:05:06+02,04:05:06.12,123400,0.00123,2013-02-03\n"
    far = "2,infinity,-infinity,,,,12000-01-01\n"
    bad = [
        "3,2013-02-03 04:05:06.1239,,,,,", '4,"$1,120 ",,,,,', "5,tomorrow,,,,,", "6,,2013-02-03 04:05:06.5+02,,,,",
        "7,,,04:05:06.123,,,", "8,,,04:05+02,,,", "9,,,,12345,,", "10,,,,,0.01,", "11,,,,,,12000-01-01 00:00:00+02",
        "12,2013-02-03 04:05+02,,,,,",
    ]  # fmt: skip
    result = copy_text(
        "id,a,b,c,d,e,f\n" + good + far + "".join(f"{row}\n" for row in bad), max_rejects="100%"
    )
    assert (result.loaded, result.rejected) == (2, len(bad))
    reasons = query("SELECT line, reason FROM penstock_ledger.rejects ORDER BY line")
    assert reasons == [
        (4, "out_of_range"), (5, "bad_type"), (6, "bad_type"), (7, "out_of_range"), (8, "out_of_range"),
        (9, "bad_type"), (10, "out_of_range"), (11, "out_of_range"), (12, "bad_type"), (13, "bad_type"),
    ]  # fmt: skip
    assert query(
        "SELECT a::text, b = '2013-02-03 02:05:06Z', c::text, d::text, e::text, f::text FROM t ORDER BY id"
    ) == [
        ("2013-02-03 04:05:06.12", True, "04:05:06.12", "123400", "0.00123", "2013-02-03 00:00:00"),
        ("infinity", False, None, None, None, "12000-01-01 00:00:00"),
    ]


def test_a_domain_is_as_exact_as_its_type(copy_text: CopyText, query: Query) -> None:
    query(
        "CREATE DOMAIN price AS numeric(6,2) CHECK (VALUE > 0); CREATE DOMAIN fee AS price; CREATE DOMAIN day AS date; "
        "CREATE DOMAIN at AS timestamp(0); CREATE DOMAIN clock AS time; CREATE DOMAIN word AS text; "
        "CREATE TABLE t (id int, a fee, b day, c at, d clock, e word)"
    )
    result = copy_text(
        "id,a,b,c,d,e\n1,1.20,03/02/2013,2013-02-03 04:05,04:05, NA \n2,1.234,,,,\n3,-1,,,,\n4,,tomorrow,,,\n"
        "5,,,2013-02-03 04:05:06.5,,\n6,,,2013-02-03 04:05Z,,\n7,,,,04:05+02,\n8,1e2,,infinity,,\n9,NA,,,,\n",
        date_format="%d/%m/%Y",
        max_rejects="100%",
    )
    assert (result.loaded, result.rejected) == (2, 7)
    assert rejected(query) == [
        (3, "out_of_range", "a"), (4, "check", "a"), (5, "bad_type", "b"), (6, "out_of_range", "c"),
        (7, "bad_type", "c"), (8, "bad_type", "d"), (10, "bad_type", "a"),
    ]  # fmt: skip
    assert query("SELECT a::text, b::text, c::text, d::text, e FROM t ORDER BY id") == [
        ("1.20", "2013-02-03", "2013-02-03 04:05:00", "04:05:00", " NA "),
        ("100.00", None, "infinity", None, None),
    ]


def test_new_columns_of_a_file(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, name text)")
    copy_text("id,name\n1,a\n")
    result = copy_text("id,name,Unit Price\n2,b,1.50\n", on_change="add")
    assert result.changes == ("added column unit_price numeric",)
    assert query("SELECT id, unit_price::text FROM t ORDER BY 1") == [(1, None), (2, "1.50")]
    assert query("SELECT plan -> 'changes' FROM penstock_ledger.copies ORDER BY run DESC LIMIT 1") == [
        (["added column unit_price numeric"],)
    ]


def test_values_of_a_file_that_are_too_large(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id smallint, v varchar(3), n numeric(4,2), at date, c char(2))")
    text = "id,v,n,at,c\n3000000000,long text,1.239,2013-02-01,aa\nx,a,1,tomorrow,b\n1,a,1,2013-02-01,long\n"
    with pytest.raises(PenstockError, match="every row was rejected"):
        copy_text(text, mode="replace")
    result = copy_text(text, mode="replace", on_change="widen")
    assert result.changes == (
        "widened column id from smallint to bigint",
        "widened column v from character varying(3) to text",
        "widened column n from numeric(4,2) to numeric",
        "the server rewrote the table",
    )
    # What is wrong and not only large stays in quarantine.
    assert (result.inserted, result.rejects) == (1, {"bad_type": 1, "too_long": 1})


def test_columns_that_a_file_no_longer_has(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int, name text, own text)")
    copy_text("id,name\n1,a\n", fill_missing=True)
    assert copy_text("id\n2\n", on_change="add").changes == ()
    assert query("SELECT * FROM t ORDER BY 1") == [(1, "a", None), (2, None, None)]
    assert copy_text("id\n3\n", on_change="follow").changes == ("dropped column name",)
    assert query("SELECT * FROM t ORDER BY 1") == [(1, None), (2, None), (3, None)]


def test_a_key_that_no_json_record_has_is_not_a_dropped_column(copy_text: CopyText, query: Query) -> None:
    query("CREATE TABLE t (id int, name text)")
    copy_text('{"id": 1, "name": "a"}\n', name="a.jsonl")
    assert copy_text('{"id": 2}\n', name="b.jsonl", on_change="follow").changes == ()
    assert query("SELECT * FROM t ORDER BY 1") == [(1, "a"), (2, None)]
