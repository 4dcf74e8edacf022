"""Receives COPY data by way of libpq: for connections that are encrypted."""

from __future__ import annotations

import select
from collections.abc import Iterator

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result
from psycopg.sql import Composable

from penstock.postgres.connect import PgConnection

# Rows are handed on in blocks of about this size. Smaller ones cost calls, larger ones memory.
BLOCK_BYTES = 256 * 1024

_HEADER = 19  # bytes of signature, flags and the length of no extension, before the first row
_TRAILER = b"\xff\xff"


class Outflow:
    """One ``COPY … TO STDOUT`` as blocks of rows; ``rows`` is the server's count once all were taken.

    Args:
        binary: The statement asks for the binary form, whose header and trailer are no rows and left out.
    """

    def __init__(self, connection: PgConnection, statement: Composable, *, binary: bool) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._statement = statement.as_bytes(connection)
        self._binary = binary
        self.rows = 0

    def blocks(self) -> Iterator[tuple[bytes, int]]:
        """The rows' bytes, rows whole and in their order, and how many there are in each block.

        Raises:
            psycopg.Error: What the server has against it, or that the connection is lost.
        """
        self._begin()
        pieces: list[bytes | memoryview] = []
        size = 0
        for row in self._messages():
            pieces.append(row)
            size += len(row)
            if size >= BLOCK_BYTES:
                yield b"".join(pieces), len(pieces)
                pieces, size = [], 0
        if pieces:
            yield b"".join(pieces), len(pieces)
        self._end()

    def _messages(self) -> Iterator[bytes | memoryview]:
        receive = self._pgconn.get_copy_data
        begun = not self._binary
        while True:
            size, data = receive(1)
            if size > 0:
                if not begun:
                    begun = True
                    data = data[_HEADER:]
                    if not len(data):
                        continue
                # Without a row, header and trailer come as one message.
                if len(data) == len(_TRAILER) and self._binary and bytes(data) == _TRAILER:
                    continue
                yield data
            elif size == 0:
                self._wait()
            else:
                return

    def _begin(self) -> None:
        self._pgconn.send_query(self._statement)
        self._pgconn.flush()
        result = self._result()
        if result is None or result.status != pq.ExecStatus.COPY_OUT:
            self._drain()
            raise self._error(result)

    def _end(self) -> None:
        result = self._result()
        self._drain()
        if result is None or result.status != pq.ExecStatus.COMMAND_OK:
            raise self._error(result)
        self.rows = result.command_tuples or 0

    def _drain(self) -> None:
        while self._result() is not None:
            pass

    def _result(self) -> pq.abc.PGresult | None:
        while self._pgconn.is_busy():
            self._wait()
        return self._pgconn.get_result()

    def _wait(self) -> None:
        select.select([self._pgconn.socket], [], [])
        self._pgconn.consume_input()

    def _error(self, result: pq.abc.PGresult | None) -> psycopg.Error:
        if result is None or not result.error_field(pq.DiagnosticField.SQLSTATE):
            return psycopg.OperationalError("the connection was lost")
        return error_from_result(result, self._connection.info.encoding)
