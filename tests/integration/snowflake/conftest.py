"""The real connector against a local server that speaks Snowflake's protocol, its stage over the store's own files."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import RUN_DIR, make_project
from tests.integration.objects.conftest import execute, named, store
from tests.ports import reserved_port
from tests.waiting import until

from penstock.model.connection import Connection
from penstock.objects.s3 import S3Store
from penstock.stack.rclone import folder

__all__ = ["execute", "named", "store"]

Query = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(scope="session")
def snowflake_server() -> Iterator[dict[str, Any]]:
    """In a process of its own; says how to enter it."""
    command = [sys.executable, "-m", "fakesnow", "--server", "--port"]
    silent: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with reserved_port() as port, subprocess.Popen([*command, str(port)], **silent) as process:
        try:
            until(lambda: process.poll() is not None or _listens(port))
            assert process.poll() is None
            yield {
                "user": "fake",
                "password": "snow",
                "account": "fakesnow",
                "host": "127.0.0.1",
                "port": port,
                "protocol": "http",
                "network_timeout": 1,  # it answers some errors as if it were ill, and is asked again for so long
            }
        finally:
            process.kill()


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@pytest.fixture
def snow(snowflake_server: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Query]:
    """Runs SQL in a database of the test's own, which the connection `snow` enters too."""
    import snowflake.connector as connector

    database = f"DB_{secrets.token_hex(6).upper()}"
    fields = {
        "conn_type": "snowflake",
        "host": snowflake_server["host"],
        "port": snowflake_server["port"],
        "login": "fake",
        "password": "snow",
        "schema": "PUBLIC",
        "extra": {
            "account": "fakesnow",
            "protocol": "http",
            "network_timeout": "1",
            "database": database,
        },
    }
    monkeypatch.setenv("PENSTOCK_CONN_SNOW", json.dumps(fields))
    with connector.connect(**snowflake_server, database=database, schema="PUBLIC") as session:

        def run(text: str, *values: Any) -> list[tuple[Any, ...]]:
            cursor = session.cursor()
            cursor.execute(text, values or None)
            return list(cursor.fetchall())

        yield run


@pytest.fixture
def stage(snow: Query, store: S3Store, objects: Connection) -> str:
    """A stage over the bucket of the test."""
    buckets = folder(make_project(Path(os.environ[RUN_DIR], "shared")))
    snow("CREATE SCHEMA IF NOT EXISTS DAILY")
    snow(f"CREATE STAGE DAILY.S3_STAGE URL = 'file://{buckets}/{store.name.removeprefix('s3://')}/'")
    return "daily.s3_stage"
