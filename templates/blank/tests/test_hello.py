"""Test of the DAG `hello`."""

from __future__ import annotations

from collections.abc import Callable

from penstock.testing import Database, Run


def test_hello_loads_the_greetings(run_dag: Callable[..., Run], warehouse: Database) -> None:
    run = run_dag("hello")
    assert run.states == {"greet": "success", "copy": "success", "check": "success"}
    assert warehouse.rows("select name from raw.greetings order by id") == [
        ("Ada",),
        ("Grace",),
        ("Edsger",),
    ]
