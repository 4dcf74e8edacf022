"""Begins and ends a ``COPY … TO STDOUT``; its rows are received by the caller."""

from __future__ import annotations

import select
from collections.abc import Iterator

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from penstock.ports import Rows
from penstock.postgres.connect import PgConnection


class OutgoingCopy:
    """One such COPY.

    Args:
        connection: Any connection; if the rows are not read to the end, it cannot be used further.
    """

    def __init__(self, connection: PgConnection, statement: bytes) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._statement = statement

    def begin(self) -> None:
        """Send the statement, and wait for the first row.

        Raises:
            psycopg.Error: If the server reports an error, or the connection is lost.
        """
        self._pgconn.send_query(self._statement)
        self._pgconn.flush()
        result = self._result()
        if result is None or result.status != pq.ExecStatus.COPY_OUT:
            self._drain()
            raise self._error(result)

    def wait(self) -> None:
        """Wait for more in select: waiting in libpq would hold the GIL."""
        select.select([self._pgconn.socket], [], [])
        self._pgconn.consume_input()

    def end(self) -> int:
        """The server's count of rows, after all were read.

        Raises:
            psycopg.Error: If the COPY failed, or the connection is lost.
        """
        result = self._result()
        self._drain()
        if result is None or result.status != pq.ExecStatus.COMMAND_OK:
            raise self._error(result)
        return result.command_tuples or 0

    def _drain(self) -> None:
        while self._result() is not None:
            pass

    def _result(self) -> pq.abc.PGresult | None:
        while self._pgconn.is_busy():
            self.wait()
        return self._pgconn.get_result()

    def _error(self, result: pq.abc.PGresult | None) -> psycopg.Error:
        if result is None or not result.error_field(pq.DiagnosticField.SQLSTATE):
            return psycopg.OperationalError("the connection was lost")
        return error_from_result(result, self._connection.info.encoding)


# Some 40,000 rows of 100 bytes, which take 14 ms to parse: large enough to make the overhead per block negligible,
# and small enough to queue a few of them in memory.
_BLOCK_BYTES = 4 << 20


class CopyOut:
    """The rows of one COPY; ``rows`` is the server's count after all blocks were read.

    The server sends a message for each row, and libpq returns them one by one. This loop of 0.5 µs per row runs in its
    own thread, while another parses, encodes and sends the blocks.

    Args:
        connection: Any connection; if the blocks are not read to the end, it cannot be used further.
    """

    def __init__(self, connection: PgConnection, statement: bytes) -> None:
        self._receive = connection.pgconn.get_copy_data
        self._copy = OutgoingCopy(connection, statement)
        self.rows = 0

    def blocks(self) -> Iterator[Rows]:
        """The rows, in blocks.

        Raises:
            psycopg.Error: If the server reports an error, or the connection is lost.
        """
        self._copy.begin()
        receive, text, count = self._receive, bytearray(), 0
        while True:
            length, row = receive(1)
            if length > 0:
                text += row
                count += 1
                if len(text) >= _BLOCK_BYTES:
                    yield Rows(count, bytes(text))
                    text, count = bytearray(), 0
            elif length == 0:
                self._copy.wait()
            else:
                break
        if count:
            yield Rows(count, bytes(text))
        self.rows = self._copy.end()
