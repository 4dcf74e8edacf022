"""Tests of every DAG of the gallery."""

from __future__ import annotations

from penstock.testing import Bag


def test_every_dag_can_be_imported(dag_bag: Bag) -> None:
    assert dag_bag.import_errors == {}
    assert "sales_warehouse" in dag_bag.dags


def test_every_dag_says_what_it_is_for(dag_bag: Bag) -> None:
    silent = [name for name, dag in dag_bag.dags.items() if not (dag.description or dag.doc_md)]
    assert silent == []
