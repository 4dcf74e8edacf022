"""Test of the DAG that copies one table from one server to another."""

from __future__ import annotations

from collections.abc import Callable

from penstock.testing import Database, Run

TABLE = "create table product (product_id int primary key, product_name varchar(250) not null, price int)"


def test_every_row_is_there_once(run_dag: Callable[..., Run], source: Database, warehouse: Database) -> None:
    for database in (source, warehouse):
        database.execute(TABLE)
    source.execute("insert into product values (1, 'Desk lamp', 35), (2, 'Bookshelf', null)")
    warehouse.execute("insert into product values (1, 'Desk lamp', 35)")
    run = run_dag("transfer_data_postgres")
    assert run.errors == {}
    assert run.state == "success"
    rows = "select product_id, product_name, price from product order by 1"
    assert warehouse.rows(rows) == source.rows(rows)
