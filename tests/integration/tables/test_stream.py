"""Frames that are forwarded into a COPY, and what ends them early."""

from __future__ import annotations

import struct

import psycopg
import pytest
from psycopg.sql import Identifier
from tests.databases import Query

from penstock.model.connection import Connection
from penstock.postgres.connect import connect
from penstock.postgres.copy_in import CopyStream, copy_into

_MB = 1_000_000


def _frame(*values: bytes) -> bytes:
    """A row in the protocol's frame."""
    row = struct.pack(">h", len(values)) + b"".join(struct.pack(">i", len(v)) + v for v in values)
    return b"d" + struct.pack(">I", 4 + len(row)) + row


@pytest.fixture(autouse=True)
def table(there: Query) -> None:
    there("CREATE TABLE t (v bytea CHECK (length(v) > 1))")


def test_a_refusal_in_the_middle_of_a_frame(warehouse: Connection, there: Query) -> None:
    # The first row is refused while those behind it, larger than all buffers, are on their way.
    block = _frame(b"x") + _frame(bytes(30 * _MB)) + _frame(bytes(5 * _MB))
    with connect(warehouse) as session:
        with (
            pytest.raises(psycopg.errors.CheckViolation),
            copy_into(session, Identifier("t"), ["v"]) as stream,
        ):
            stream.forward(block)
        assert session.execute("SELECT count(*) AS rows FROM t").fetchone() == {"rows": 0}


def test_an_interruption_in_the_middle_of_a_frame(
    warehouse: Connection, there: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(CopyStream, "_is_refused", interrupted)
    session = connect(warehouse)
    with pytest.raises(KeyboardInterrupt), copy_into(session, Identifier("t"), ["v"]) as stream:
        stream.forward(_frame(bytes(50 * _MB)))
    assert session.broken
    assert there("SELECT count(*) FROM t") == [(0,)]
