"""Sends COPY data to a server, with backpressure."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO

import pgpq
import psycopg
import pyarrow as pa
from psycopg import pq
from psycopg.sql import SQL, Composable, Identifier

from penstock.postgres.connect import PgConnection

# Block size for libpq, which copies each block into its own buffer: larger ones only take memory.
_PIECE_BYTES = 256 * 1024

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"


class _Refused(psycopg.DataError):
    """The server has rejected a row; its error is reported at the end of the COPY."""


class CopyStream:
    """An open ``COPY … FROM STDIN (FORMAT binary)``; ``rows`` is the server's count after it is closed.

    psycopg's ``Copy.write`` waits in libpq with the GIL held, which stops the threads that read and clean the next
    batches. Here libpq never blocks: we wait in ``select``, without the GIL.
    """

    def __init__(self, pgconn: pq.abc.PGconn) -> None:
        self._pgconn = pgconn
        self.rows = 0

    def send(self, data: bytes | memoryview) -> None:
        """Send encoded rows; returns when the server or a buffer has accepted them.

        Raises:
            psycopg.Error: If the connection is lost.
        """
        view = memoryview(data)
        for start in range(0, len(view), _PIECE_BYTES):
            piece = view[start : start + _PIECE_BYTES]
            while self._pgconn.put_copy_data(piece) != 1:
                self._wait()
            while self._pgconn.flush():
                self._wait()

    def forward(self, frames: bytes) -> None:
        """Send frames of another server's COPY unchanged, bypassing libpq, which would copy and frame each row again.

        Only for connections without encryption.

        Raises:
            psycopg.Error: If the connection is lost, or the server has rejected a row.
        """
        view, refused = memoryview(frames), False
        with socket.socket(fileno=os.dup(self._pgconn.socket)) as wire:
            try:
                while view:
                    try:
                        view = view[wire.send(view) :]
                    except BlockingIOError:
                        if refused:
                            select.select([], [wire], [])
                        else:
                            refused = self._is_refused(wire)
            except OSError as error:
                raise psycopg.OperationalError("the connection was lost") from error
            finally:
                if view:
                    # The server would read any further data, even the end of the COPY, as the rest of the frame.
                    with suppress(OSError):
                        wire.shutdown(socket.SHUT_RDWR)
        if refused:
            raise _Refused

    def _is_refused(self, wire: socket.socket) -> bool:
        """Wait until the server accepts more data or sends a message; return whether it has rejected a row.

        It then discards further data, so the current block is sent to its end, which is the end of a frame.
        """
        readable, _, _ = select.select([wire], [wire], [])
        if not readable:
            return False
        if wire.recv(1, socket.MSG_PEEK) == b"E":
            return True
        self._pgconn.consume_input()
        return False

    def _wait(self) -> None:
        # Reading at the same time avoids a deadlock when the server sends a message.
        wire = self._pgconn.socket
        readable, _, _ = select.select([wire], [wire], [])
        if readable:
            self._pgconn.consume_input()


@contextmanager
def copy_into(
    connection: PgConnection,
    table: Composable,
    columns: Sequence[str],
    *,
    text: bool = False,
    freeze: bool = False,
) -> Iterator[CopyStream]:
    """Open a COPY into a table; the stream ends with the block, and fails with it.

    Args:
        text: The rows are in text format instead of binary.
        freeze: COPY FREEZE: the table was created in this transaction.

    Raises:
        psycopg.Error: When the block ends, if the server rejects the rows.
    """
    statement = SQL("COPY {}{} FROM STDIN (FORMAT {}{})").format(
        table,
        SQL(" ({})").format(SQL(", ").join(map(Identifier, columns))) if columns else SQL(""),
        SQL("text" if text else "binary"),
        SQL(", FREEZE" if freeze else ""),
    )
    pgconn = connection.pgconn
    stream = CopyStream(pgconn)
    refused: _Refused | None = None
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            # The signature is sent by psycopg, so that it does not add another.
            if not text:
                copy.write(_SIGNATURE)
            pgconn.nonblocking = 1
            while pgconn.flush():
                select.select([], [pgconn.socket], [])
            try:
                yield stream
            except _Refused as error:
                refused = error
            finally:
                if pgconn.status == pq.ConnStatus.OK:
                    pgconn.nonblocking = 0
            if not text and refused is None:
                copy.write(_TRAILER)
        if refused is not None:
            raise refused
        stream.rows = cursor.rowcount


def spool_into(connection: PgConnection, table: Composable, columns: Sequence[str], spool: IO[bytes]) -> int:
    """Send the encoded rows of a spool, from its start, into a table; returns their number.

    Raises:
        psycopg.Error: If the server rejects them.
    """
    if not spool.tell():
        return 0
    spool.seek(0)
    with copy_into(connection, table, columns) as stream:
        while piece := spool.read(4 * _PIECE_BYTES):
            stream.send(piece)
    return stream.rows


_TRAILER_BYTES = 2


def encode(rows: pa.RecordBatch) -> memoryview:
    """The rows in Postgres's binary format, without the stream's signature and trailer.

    Each batch has its own encoder, because the scale of an unconstrained ``numeric`` may differ between batches.
    """
    encoder = pgpq.ArrowToPostgresBinaryEncoder(rows.schema)
    encoder.write_header()
    # The encoder returns data above a certain size, and the rest at the end.
    begun = encoder.write_batch(rows)
    rest = memoryview(encoder.finish())[:-_TRAILER_BYTES]
    return memoryview(begun + rest) if begun else rest
