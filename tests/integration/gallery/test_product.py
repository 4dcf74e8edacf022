"""The transfer from one server to another: a table once, and many tables in parallel."""

from __future__ import annotations

from tests.integration.gallery.conftest import RunDag, Session

from penstock.postgres.queries import queries
from penstock.routes.comparison import compare

TABLES = ("product", "supplier", "till_roll")


def test_tables_are_transferred_and_a_second_run_is_harmless(
    run_dag: RunDag, session: Session, source_session: Session
) -> None:
    seeds = queries("penstock.stack.postgres", "seeds.sql")
    source_session.execute(seeds["table"])
    source_session.execute(seeds["rows"])
    first = {end["task"]: end["account"] for end in run_dag("transfer_data_postgres") if "account" in end}
    assert first["transfer_data"]["inserted"] == 6
    assert compare("source:product", "target:product").same

    source_session.execute("UPDATE product SET price = 36 WHERE product_id = 1")
    source_session.execute(
        "CREATE TABLE supplier (id int PRIMARY KEY, name text);"
        "INSERT INTO supplier SELECT i, 'supplier ' || i FROM generate_series(1, 50) AS i;"
        "CREATE TABLE till_roll (line text); INSERT INTO till_roll VALUES ('beep'), ('beep')"
    )
    ends = run_dag("transfer_tables_postgres")
    copies = [end["account"] for end in ends if end["task"].startswith("copy_table")]
    assert sorted((copy["read"], copy["inserted"], copy["updated"]) for copy in copies) == [
        (2, 2, 0),
        (6, 0, 1),
        (50, 50, 0),
    ]
    assert all(compare(f"source:{table}", f"target:{table}").same for table in TABLES)

    second = {end["task"]: end["account"] for end in run_dag("transfer_data_postgres") if "account" in end}
    assert (second["transfer_data"]["read"], second["transfer_data"]["unchanged"]) == (6, 6)
    assert session.execute("SELECT count(*), max(price) FROM product").fetchall() == [(6, 420)]

    source_session.execute("DELETE FROM product WHERE product_id = 1")
    assert {end["state"] for end in run_dag("transfer_data_postgres", code=1)} == {"success", "failed"}
    run_dag("transfer_data_postgres", "--conf", '{"extra_rows": "keep"}')
    assert session.execute("SELECT count(*) FROM product").fetchall() == [(6,)]
    run_dag("transfer_data_postgres", "--conf", '{"extra_rows": "delete"}')
    assert compare("source:product", "target:product").same
