"""Test of the DAG `greetings`, which `copies/greetings.yaml` describes."""

from __future__ import annotations

from collections.abc import Callable

from penstock.testing import Database, Run


def test_greetings_are_loaded(run_dag: Callable[..., Run], warehouse: Database) -> None:
    assert run_dag("greetings").states == {"copy": "success"}
    assert warehouse.rows("select name from raw.greetings order by id") == [
        ("Ada",),
        ("Grace",),
        ("Edsger",),
    ]
