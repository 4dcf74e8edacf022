"""`connection test` of an object store and of Snowflake."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.devtools.connection_test import try_connection
from penstock.model.connection import Connection, Secret
from penstock.model.errors import ConnectionFailed


def test_a_store_that_lets_one_in(objects: Connection) -> None:
    steps = dict(try_connection(objects))

    assert steps["name"].endswith("is 127.0.0.1")
    assert "replication-bucket" in steps["right"]


def test_a_bucket(objects: Connection) -> None:
    known = replace(objects, extra={**objects.extra, "bucket": "replication-bucket"})
    assert dict(try_connection(known))["right"] == "can list replication-bucket"

    unknown = replace(objects, extra={**objects.extra, "bucket": "nowhere-at-all"})
    with pytest.raises(ConnectionFailed, match="no bucket 'nowhere-at-all'"):
        list(try_connection(unknown))


def test_wrong_keys(objects: Connection) -> None:
    with pytest.raises(ConnectionFailed, match="the secret is not this key's") as failed:
        list(try_connection(replace(objects, password=Secret("wrong-one"))))
    assert "wrong-one" not in str(failed.value)
