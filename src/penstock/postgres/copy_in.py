"""Sends binary COPY data at the pace the server takes it."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO

import psycopg
from psycopg import pq
from psycopg.sql import SQL, Composable, Identifier

from penstock.postgres.connect import PgConnection

# Handed to libpq in pieces of this size: it copies each into its own buffer, so larger ones only cost memory.
_PIECE_BYTES = 256 * 1024

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"


class _Refused(psycopg.DataError):
    """The server has refused a row; what it was comes with the end of the COPY."""


class CopyStream:
    """An open ``COPY … FROM STDIN (FORMAT binary)``; ``rows`` is the server's count once it is closed.

    psycopg's own ``Copy.write`` waits inside libpq with the interpreter lock held, and the threads that read and
    clean the next batches stand still. Here libpq never waits: we do, in ``select``, without the lock.
    """

    def __init__(self, pgconn: pq.abc.PGconn) -> None:
        self._pgconn = pgconn
        self.rows = 0

    def send(self, data: bytes | memoryview) -> None:
        """Send encoded rows; returns when the server, or the buffers on the way, have taken them.

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
        """Send frames of another server's COPY as they are, past libpq, which would copy and frame each row again.

        Only for connections without encryption.

        Raises:
            psycopg.Error: If the connection is lost, or the server has refused a row.
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
                    # Whatever came behind half a frame would be taken for the rest of it, also the end of the COPY.
                    with suppress(OSError):
                        wire.shutdown(socket.SHUT_RDWR)
        if refused:
            raise _Refused

    def _is_refused(self, wire: socket.socket) -> bool:
        """Wait until the server takes more, or says something: whether it has refused a row.

        Then it takes what still comes and throws it away, so the block goes on to its end, where a frame ends.
        """
        readable, _, _ = select.select([wire], [wire], [])
        if not readable:
            return False
        if wire.recv(1, socket.MSG_PEEK) == b"E":
            return True
        self._pgconn.consume_input()
        return False

    def _wait(self) -> None:
        # Reading too keeps the two sides from waiting for each other when the server has something to say.
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
        text: The rows come in the server's text form instead of its binary one.
        freeze: The table was made in this transaction, and the rows need no later visit by a vacuum.

    Raises:
        psycopg.Error: What the server has against the rows, when the block ends.
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
            # The signature goes through psycopg, so that it knows the stream is begun and adds none of its own.
            if not text:
                copy.write(_SIGNATURE)
            pgconn.nonblocking = 1
            while pgconn.flush():
                select.select([], [pgconn.socket], [])
            try:
                yield stream
            except _Refused as told:
                refused = told
            finally:
                if pgconn.status == pq.ConnStatus.OK:
                    pgconn.nonblocking = 0
            if not text and refused is None:
                copy.write(_TRAILER)
        if refused is not None:
            raise refused
        stream.rows = cursor.rowcount


def spool_into(connection: PgConnection, table: Composable, columns: Sequence[str], spool: IO[bytes]) -> int:
    """Send the encoded rows of a spool, from its start, into a table; returns how many there were.

    Raises:
        psycopg.Error: If the server refuses them.
    """
    if not spool.tell():
        return 0
    spool.seek(0)
    with copy_into(connection, table, columns) as stream:
        while piece := spool.read(4 * _PIECE_BYTES):
            stream.send(piece)
    return stream.rows
