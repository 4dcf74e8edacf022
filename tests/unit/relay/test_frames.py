"""Frames are read whole and in order for any packet sizes, and only rows are returned."""

from __future__ import annotations

import socket
import struct
import threading
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.postgres.relay.wire import Frames

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
# Rows that end, or begin, like the end of a stream.
ODD = [b"\0\1\0\0\0\7d\0\0\0\6\xff\xff", b"d\0\0\0\6\xff\xff", b"c\0\0\0\4", b"\0\0", b"x" * 700_000]


def frame(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">I", len(body) + 4) + body


def answer(rows: list[bytes], *, binary: bool, notice: bool) -> bytes:
    """What a server says to a COPY of these rows."""
    bodies = [*rows, b"\xff\xff"] if binary else rows
    if binary:
        bodies[0] = HEADER + bodies[0]
    frames = [frame(b"H", b"\1\0\1\0\1")]
    frames += [frame(b"d", body) for body in bodies]
    if notice:
        frames.insert(len(frames) // 2, frame(b"N", b"SNOTICE\0Mhello\0\0"))
    frames += [frame(b"c", b""), frame(b"C", f"COPY {len(rows)}\0".encode()), frame(b"Z", b"T")]
    return b"".join(frames)


def relay(said: bytes, cuts: list[int], *, binary: bool) -> tuple[list[tuple[bytes, int]], Frames]:
    """The result for a server's messages, sent in pieces."""
    ours, theirs = socket.socketpair()
    closed = []
    connection = SimpleNamespace(
        pgconn=SimpleNamespace(socket=ours.fileno()), close=lambda: closed.append(True), info=None
    )

    def serve() -> None:
        theirs.recv(1000)
        places = sorted({cut % (len(said) + 1) for cut in cuts} | {0, len(said)})
        for start, end in pairwise(places):
            theirs.sendall(said[start:end])
        theirs.close()

    server = threading.Thread(target=serve)
    server.start()
    frames = Frames(
        cast("Any", connection), cast("Any", SimpleNamespace(as_bytes=lambda _: b"COPY")), binary=binary
    )
    try:
        return list(frames.blocks()), frames
    finally:
        server.join()
        ours.close()


@settings(suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.one_of(st.sampled_from(ODD), st.binary(min_size=3, max_size=40)), max_size=30),
    cuts=st.lists(st.integers(0, 3_000_000), max_size=12),
    binary=st.booleans(),
    notice=st.booleans(),
)
def test_rows_come_out_as_they_went_in(
    rows: list[bytes], cuts: list[int], binary: bool, notice: bool
) -> None:
    blocks, frames = relay(answer(rows, binary=binary, notice=notice), cuts, binary=binary)
    assert b"".join(block for block, _ in blocks) == b"".join(frame(b"d", row) for row in rows)
    assert sum(count for _, count in blocks) == len(rows) == frames.rows


def test_an_error_in_the_middle() -> None:
    said = frame(b"H", b"\0\0\0") + frame(b"d", b"1\n")
    said += frame(b"E", b"SERROR\0C22012\0Mdivision by zero\0\0") + frame(b"Z", b"E")
    with pytest.raises(psycopg.errors.DivisionByZero, match="division by zero"):
        relay(said, [], binary=False)


def test_a_connection_that_ends_in_the_middle() -> None:
    said = frame(b"H", b"\0\0\0") + frame(b"d", b"1\n") + b"d\0\0"
    with pytest.raises(psycopg.OperationalError, match="lost"):
        relay(said, [], binary=False)
