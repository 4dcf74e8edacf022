"""The field's names for copies: their plans, and their assets and lineage."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.airflow import transfers
from penstock.model.result import CopyResult


def test_postgres_to_s3_is_a_copy_in_other_words() -> None:
    task = transfers.PostgresToS3Operator(
        task_id="t",
        sql_conn_id="shop",
        table="public.orders",
        s3_bucket="lake",
        s3_key="{{ ds }}/orders",
        aws_conn_id="aws",
        file_format="CSV",
        compression="gzip",
    )

    assert (task.source, task.target) == ("shop:public.orders", "s3://aws@lake/{{ ds }}/orders")
    assert task.options == {"format": "csv", "compression": "gzip"}
    assert [asset.uri for asset in task.inlets] == ["penstock://shop/public/orders"]
    assert task.outlets == []  # a template decides where it goes


def test_postgres_to_s3_of_a_query() -> None:
    task = transfers.PostgresToS3Operator(
        task_id="t", postgres_conn_id="shop", query="SELECT 1", s3_bucket="lake", s3_key="orders/"
    )

    assert (task.source, task.options) == ("shop", {"query": "SELECT 1"})
    assert [asset.uri for asset in task.outlets] == ["s3://lake/orders"]


def test_s3_to_snowflake_is_a_copy_in_other_words() -> None:
    task = transfers.S3ToSnowflakeOperator(
        task_id="t",
        snowflake_conn_id="snow",
        s3_bucket="lake",
        s3_key="orders/",
        table="orders",
        schema="shop",
        stage="shop.s3_stage",
        mode="replace",
    )

    assert (task.source, task.target) == ("s3://objects@lake/orders/", "snow:shop.orders")
    assert task.options == {"stage": "shop.s3_stage", "mode": "replace"}
    assert [asset.uri for asset in task.outlets] == ["penstock://snow/shop/orders"]


def test_they_can_be_mapped() -> None:
    mapped = transfers.PostgresToS3Operator.partial(
        task_id="t", postgres_conn_id="shop", s3_bucket="lake", file_format="csv"
    ).expand_kwargs([{"table": "a", "s3_key": "a/"}, {"table": "b", "s3_key": "b/"}])
    assert mapped.partial_kwargs["file_format"] == "csv"


def test_lineage_names_datasets_and_counts_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CONN_SHOP", "postgres://etl:secret@db.example.com:5433/sales")
    task = transfers.PostgresToS3Operator(
        task_id="t", postgres_conn_id="shop", table="public.orders", s3_bucket="lake", s3_key="orders/"
    )
    task.result = CopyResult(id="1", read=3, loaded=3, inserted=3)

    lineage: Any = task.get_openlineage_facets_on_complete(None)

    assert [(one.namespace, one.name) for one in lineage.inputs] == [
        ("postgres://db.example.com:5433", "sales.public.orders")
    ]
    (output,) = lineage.outputs
    assert (output.namespace, output.name) == ("s3://lake", "orders")
    assert output.outputFacets["outputStatistics"].rowCount == 3
    assert "secret" not in repr(lineage)


def test_objects_are_moved_within_a_bucket_only() -> None:
    from airflow.sdk.exceptions import AirflowFailException

    task = transfers.MoveObjectsOperator(task_id="t", source="s3://a/x/", target="s3://b/x/")
    with pytest.raises(AirflowFailException, match="in different buckets"):
        task.execute({})
