"""Object stores and Snowflake, where their packages are installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from penstock.environments.reach import allowed
from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed, PenstockError
from penstock.trial.network import TIMEOUT_S, Step


def try_s3(connection: Connection) -> Iterator[Step]:
    """The endpoint, and the right to enter the bucket."""
    boto3 = _optional("boto3", "s3")
    endpoint, bucket = connection.extra.get("endpoint_url"), connection.extra.get("bucket")
    if endpoint:
        yield "name", f"{endpoint} is {allowed(endpoint, connection)[0]}"
    client = boto3.client(
        "s3",
        aws_access_key_id=connection.login,
        aws_secret_access_key=connection.password.reveal() if connection.password else None,
        region_name=connection.extra.get("region_name"),
        endpoint_url=endpoint,
    )
    try:
        if bucket:
            client.head_bucket(Bucket=bucket)
        else:
            client.list_buckets()
    except Exception as error:  # noqa: BLE001  # botocore makes its classes at run time
        raise ConnectionFailed(
            f"{connection.name}: {_aws_words(error)}", hint="check keys and bucket"
        ) from None
    yield "right", f"may enter {bucket}" if bucket else "may list buckets"


def _aws_words(error: Exception) -> str:
    answer = getattr(error, "response", {}).get("Error", {})
    return f"{answer['Code']}: {answer.get('Message', '')}" if "Code" in answer else type(error).__name__


def try_snowflake(connection: Connection) -> Iterator[Step]:
    """Whether the login is let in."""
    connector = _optional("snowflake.connector", "snowflake")
    fields = {
        name: value for name, value in connection.extra.items() if name in {"account", "warehouse", "role"}
    }
    try:
        with closing(
            connector.connect(
                user=connection.login,
                password=connection.password.reveal() if connection.password else None,
                database=connection.database,
                login_timeout=TIMEOUT_S,
                **fields,
            )
        ) as session:
            session.cursor().execute("SELECT 1")
    except connector.errors.Error as error:
        raise ConnectionFailed(f"{connection.name}: Snowflake refuses: error {error.errno}") from None
    yield "login", str(connection.login)


def _optional(module: str, extra: str) -> Any:
    top = module.partition(".")[0]
    if find_spec(top) is None:
        raise PenstockError(
            f"{top} is not installed, so this cannot be tried", hint=f"install penstock[{extra}]"
        )
    return import_module(module)
