"""Begins and ends a ``COPY … TO STDOUT``; its rows are received by the caller."""

from __future__ import annotations

import select

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

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
