"""Test of every DAG of the project."""

from __future__ import annotations

from penstock.testing import Bag


def test_every_dag_can_be_imported(dag_bag: Bag) -> None:
    assert dag_bag.import_errors == {}
