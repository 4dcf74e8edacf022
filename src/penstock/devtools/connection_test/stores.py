"""Connection tests for object stores and Snowflake, if their packages are installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from penstock.devtools.connection_test.network import Step
from penstock.environments.url_policy import allowed
from penstock.model.connection import Connection


def try_s3(connection: Connection) -> Iterator[Step]:
    """Test the endpoint and access to the bucket, or to the list of buckets if the connection names none."""
    from penstock.objects.s3 import S3Store, list_buckets

    endpoint, bucket = connection.extra.get("endpoint_url"), connection.extra.get("bucket")
    if endpoint:
        yield "name", f"{endpoint} is {allowed(endpoint, connection)[0]}"
    if bucket:
        S3Store(connection, bucket).enter()
        yield "right", f"can list {bucket}"
    else:
        buckets = list_buckets(connection)
        yield "right", f"can list buckets: {', '.join(buckets[:5]) or 'none'}"


def try_snowflake(connection: Connection) -> Iterator[Step]:
    """Test the login, and report its user, role and database."""
    from penstock.snowflake.connect import snowflake_connect

    with closing(snowflake_connect(connection)) as session:
        asked = "SELECT CURRENT_USER(), CURRENT_ROLE(), CURRENT_DATABASE()"
        user, role, database = session.cursor().execute(asked).fetchone()
    yield "login", str(user or connection.login)
    yield "role", str(role or "none")
    yield "database", str(database or "none")
