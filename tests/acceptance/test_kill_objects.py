"""An export killed after its requests: readers see the old export or the new one, and the next run completes."""

from __future__ import annotations

import io
import json
import os
import secrets
import signal

import psycopg
import pyarrow.parquet as pq
import pytest
from tests.acceptance.killing import Steps
from tests.databases import uri
from tests.forks import FORKS

import penstock
from penstock.model.connection import Connection
from penstock.model.manifest import NAME, Manifest
from penstock.objects.s3 import S3Store
from penstock.postgres.connect import connect

PREFIX = "many/"
ROWS = 10_000
SMALL = 100_000  # bytes of a part, and of a file


def _export(address: str, objects: str, target: str, fatal: int | None) -> None:
    from botocore.client import BaseClient

    from penstock.objects import multipart_upload
    from penstock.postgres import copy_out

    os.environ["PENSTOCK_CONN_SOURCE"] = address
    os.environ["PENSTOCK_CONN_OBJECTS"] = objects
    # Several blocks, parts and files of little data.
    multipart_upload._PART_BYTES = SMALL
    copy_out._BLOCK_BYTES = SMALL
    steps = Steps(fatal)
    # All that the store and the server see.
    steps.watch(BaseClient, "_make_api_call")
    steps.watch(psycopg.Connection, "execute")
    steps.watch(psycopg.Transaction, "__exit__")
    penstock.copy("source:many", target, max_file_size=2 * SMALL)
    os._exit(0)


@pytest.fixture
def store(objects: Connection) -> S3Store:
    made = S3Store(objects, f"test-{secrets.token_hex(6)}")
    made.make_bucket()
    return made


def follow(store: S3Store) -> set[int]:
    """The generations of rows that a reader of the manifest meets; each generation is a whole export."""
    manifest = Manifest.from_json(store.get(f"{PREFIX}{NAME}"), PREFIX)
    generations: set[int] = set()
    rows = 0
    for file in manifest.files:
        table = pq.read_table(io.BytesIO(store.get(PREFIX + file.name)))
        generations |= set(table["generation"].to_pylist())
        rows += table.num_rows
    assert rows == ROWS
    return generations


@pytest.mark.timeout(400)
@pytest.mark.soak
def test_killed_after_each_request(source: Connection, objects: Connection, store: S3Store) -> None:
    assert objects.password is not None
    keys = {"conn_type": "aws", "login": objects.login, "password": objects.password.reveal()}
    fields = json.dumps({**keys, "extra": dict(objects.extra)})
    with connect(source) as session:
        session.execute(
            "CREATE TABLE many AS SELECT i, md5(i::text) AS a, md5((-i)::text) AS b, 0 AS generation"
            f" FROM generate_series(1, {ROWS}) AS i"
        )

    def run(fatal: int | None) -> int | None:
        process = FORKS.Process(target=_export, args=(uri(source), fields, f"{store.name}/{PREFIX}", fatal))
        process.start()
        process.join()
        return process.exitcode

    assert run(None) == 0
    assert follow(store) == {0}
    fatal, seen = 0, {0}
    while True:
        with connect(source) as session:
            session.execute("UPDATE many SET generation = generation + 1")
        code = run(fatal)
        found = follow(store)
        assert len(found) == 1, fatal
        seen |= found
        if code == 0:
            break
        assert code == -signal.SIGKILL
        fatal += 4 if 8 < fatal < 24 else 1  # in the middle, parts and files repeat themselves
    assert fatal > 20
    assert follow(store) == {max(seen)}
    named = {file.name for file in Manifest.from_json(store.get(f"{PREFIX}{NAME}"), PREFIX).files}
    assert len(named) > 1
    assert {one.key for one in store.list()} == {f"{PREFIX}{name}" for name in {*named, NAME}}
    assert store.sweep("") == 0
