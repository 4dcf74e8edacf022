"""Copies under the names of Airflow's transfer operators, so that you can migrate a DAG by changing its imports."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context

from penstock.airflow.copy_operator import OPTIONS, CopyOperator
from penstock.airflow.task_wrapper import in_airflow
from penstock.model.address import Objects, parse
from penstock.model.errors import UsageError


class PostgresToS3Operator(CopyOperator):
    """Export a table or a query to objects. A :class:`CopyOperator` with other parameter names.

    Args:
        s3_bucket: The bucket.
        s3_key: The prefix of the export; with a suffix such as ``.csv.gz``, the key of a single object.
        table: The table as ``schema.table``; leave it out if you pass ``sql``.
        sql: A query (also ``query``).
        postgres_conn_id: The connection of the database (also ``sql_conn_id``).
        **kwargs: ``s3_conn_id`` (also ``aws_conn_id``; by default ``objects``), ``file_format`` (also ``format``), the
            other options of :class:`~penstock.model.options.CopyOptions` and the arguments of ``BaseOperator``.

    Example:
        PostgresToS3Operator(
            task_id="postgres_to_s3", postgres_conn_id="shop", table="public.orders",
            s3_bucket="replication-bucket", s3_key="{{ ds }}/orders",
        )
    """

    def __init__(
        self,
        *,
        s3_bucket: str,
        s3_key: str,
        table: str | None = None,
        sql: str | None = None,
        postgres_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        database = postgres_conn_id or kwargs.pop("sql_conn_id", "postgres_default")
        query = sql or kwargs.pop("query", None)
        store = _store(kwargs)
        if query is not None:
            kwargs["query"] = query
        source = database if table is None else f"{database}:{table}"
        super().__init__(source=source, target=f"s3://{store}@{s3_bucket}/{s3_key}", **_renamed(kwargs))


class S3ToSnowflakeOperator(CopyOperator):
    """Load an export into a table. A :class:`CopyOperator` with other parameter names.

    If ``snowflake_conn_id`` is a Postgres connection in the environment, the rows are loaded there without a stage.

    Args:
        s3_bucket: The bucket.
        s3_key: The prefix of the export.
        table: The table, without its schema.
        schema: The schema of the table.
        stage: The external stage that covers the bucket.
        **kwargs: ``snowflake_conn_id`` (by default ``snowflake_default``), ``s3_conn_id`` (also ``aws_conn_id``; by
            default ``objects``), options of :class:`~penstock.model.options.CopyOptions` and arguments of
            ``BaseOperator``.

    Example:
        S3ToSnowflakeOperator(
            task_id="s3_to_snowflake", s3_bucket="replication-bucket", s3_key="{{ ds }}/orders",
            table="orders", schema="shop", stage="shop.s3_stage", mode="replace",
        )
    """

    def __init__(
        self,
        *,
        s3_bucket: str,
        s3_key: str,
        table: str,
        schema: str = "public",
        stage: str | None = None,
        **kwargs: Any,
    ) -> None:
        warehouse = kwargs.pop("snowflake_conn_id", "snowflake_default")
        store = _store(kwargs)
        if stage is not None:
            kwargs["stage"] = stage
        super().__init__(
            source=f"s3://{store}@{s3_bucket}/{s3_key}",
            target=f"{warehouse}:{schema}.{table}",
            **_renamed(kwargs),
        )


class MoveObjectsOperator(BaseOperator):
    """Move the objects of one prefix to another prefix of the same bucket, and return their number.

    The task can be repeated: the next try completes an interrupted move.

    Args:
        source: ``s3://connection@bucket/prefix/``.
        target: Another prefix of the same bucket.

    Raises:
        AirflowFailException: When the task runs: the addresses are not two prefixes of one bucket.

    Example:
        MoveObjectsOperator(task_id="archive", source="s3://lake/{{ ds }}/", target="s3://lake/archive/{{ ds }}/")
    """

    template_fields = ("source", "target")
    ui_color = "#d3e8f0"

    def __init__(self, *, source: str, target: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.target = target

    def execute(self, context: Context) -> int:  # noqa: ARG002 Airflow calls it so
        """Move the objects."""
        moved = in_airflow(_move)(self.source, self.target)
        self.log.info("%s objects moved from %s to %s", moved, self.source, self.target)
        return moved


# For mapped tasks, Airflow accepts only parameters of the signature; see CopyOperator.
_WORDS = frozenset(("sql_conn_id", "query", "s3_conn_id", "aws_conn_id", "file_format", "snowflake_conn_id"))
PostgresToS3Operator.__init__._BaseOperatorMeta__param_names |= OPTIONS | _WORDS  # type: ignore[attr-defined]  # noqa: SLF001
S3ToSnowflakeOperator.__init__._BaseOperatorMeta__param_names |= OPTIONS | _WORDS  # type: ignore[attr-defined]  # noqa: SLF001


def _store(kwargs: dict[str, Any]) -> str:
    other = kwargs.pop("aws_conn_id", None)
    return str(kwargs.pop("s3_conn_id", None) or other or "objects")


def _renamed(kwargs: dict[str, Any]) -> dict[str, Any]:
    if "file_format" in kwargs:
        kwargs["format"] = str(kwargs.pop("file_format")).lower()
    return kwargs


def _move(source: str, target: str) -> int:
    from penstock.lookup.stores import open_store
    from penstock.objects.keys import move

    origin, place = parse(source), parse(target)
    if not isinstance(origin, Objects) or not isinstance(place, Objects):
        raise UsageError(f"{source} and {target} are not two prefixes", hint="use s3://bucket/prefix/")
    if (origin.connection, origin.bucket) != (place.connection, place.bucket):
        raise UsageError(
            f"{source} and {target} are in different buckets", hint="use two prefixes of one bucket"
        )
    store = open_store(origin.connection, origin.bucket)
    return move(store, f"{origin.key.strip('/')}/", f"{place.key.strip('/')}/")
