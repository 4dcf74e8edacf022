"""The beginning and the end of a ``COPY … TO STDOUT`` that libpq receives; its rows are taken by whoever needs them."""

from __future__ import annotations

import select

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from penstock.postgres.connect import PgConnection


class OutgoingCopy:
    """One such COPY.

    Args:
        connection: In a transaction, or not; if the rows are not read to their end, it is of no further use.
    """

    def __init__(self, connection: PgConnection, statement: bytes) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._statement = statement

    def begin(self) -> None:
        """Send the statement, and wait for the rows to begin.

        Raises:
            psycopg.Error: What the server has against it, or that the connection is lost.
        """
        self._pgconn.send_query(self._statement)
        self._pgconn.flush()
        result = self._result()
        if result is None or result.status != pq.ExecStatus.COPY_OUT:
            self._drain()
            raise self._error(result)

    def wait(self) -> None:
        """Wait for more, in select: libpq's own waiting would hold the interpreter's lock."""
        select.select([self._pgconn.socket], [], [])
        self._pgconn.consume_input()

    def end(self) -> int:
        """The server's own count of the rows, once all were taken.

        Raises:
            psycopg.Error: That it failed on the way, or that the connection is lost.
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
