"""Tests of every DAG of the project, and of the DAG `hello`."""

from __future__ import annotations

from collections.abc import Callable

from penstock.testing import Bag, Database, Run


def test_every_dag_can_be_imported(dag_bag: Bag) -> None:
    assert dag_bag.import_errors == {}
    assert "hello" in dag_bag.dags


def test_hello_loads_the_greetings(run_dag: Callable[..., Run], warehouse: Database) -> None:
    run = run_dag("hello")
    assert run.states == {"greet": "success", "copy": "success", "check": "success"}
    assert warehouse.rows("select name from raw.greetings order by id") == [
        ("Ada",),
        ("Grace",),
        ("Edsger",),
    ]
