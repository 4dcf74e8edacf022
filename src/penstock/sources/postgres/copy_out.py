"""Receives ``COPY … TO STDOUT`` in blocks of whole rows."""

from __future__ import annotations

import select
from collections.abc import Iterator

import psycopg
from psycopg import pq

from penstock.ports import Rows
from penstock.postgres.connect import PgConnection

# Some 40,000 rows of 100 bytes, which take 14 ms to parse: enough that the work for each block does not count, and
# little enough that a few of them may wait in memory.
_BLOCK_BYTES = 4 << 20


class CopyOut:
    """The rows of one COPY; ``rows`` is the server's own count once all blocks were given.

    The server sends a message for each row, and libpq hands them over one by one: a loop of 0.5 µs a row is all that
    is done here, in a thread of its own, while blocks are parsed, encoded and sent in another.

    Args:
        connection: In a transaction, or not; if the blocks are not read to their end, it is of no further use.
    """

    def __init__(self, connection: PgConnection, statement: bytes) -> None:
        self._pgconn = connection.pgconn
        self._connection = connection
        self._statement = statement
        self.rows = 0

    def blocks(self) -> Iterator[Rows]:
        """Whole rows, in blocks.

        Raises:
            psycopg.Error: What the server has against it, or that it is gone.
        """
        self._begin()
        receive, text, count = self._pgconn.get_copy_data, bytearray(), 0
        while True:
            length, row = receive(1)
            if length > 0:
                text += row
                count += 1
                if len(text) >= _BLOCK_BYTES:
                    yield Rows(count, bytes(text))
                    text, count = bytearray(), 0
            elif length == 0:
                self._wait()
            else:
                break
        if count:
            yield Rows(count, bytes(text))
        self._end()

    def _begin(self) -> None:
        self._pgconn.send_query(self._statement)
        result = self._result()
        if result is None or result.status != pq.ExecStatus.COPY_OUT:
            self._fail(result)

    def _end(self) -> None:
        result = self._result()
        if result is None or result.status != pq.ExecStatus.COMMAND_OK:
            self._fail(result)
        assert result is not None  # _fail raises
        self.rows = result.command_tuples or 0
        while self._result() is not None:
            pass

    def _result(self) -> pq.abc.PGresult | None:
        while self._pgconn.is_busy():
            self._wait()
        return self._pgconn.get_result()

    def _wait(self) -> None:
        # In select, without the interpreter's lock, where libpq's own waiting would hold it.
        select.select([self._pgconn.socket], [], [])
        self._pgconn.consume_input()

    def _fail(self, result: pq.abc.PGresult | None) -> None:
        if result is None:
            raise psycopg.OperationalError("the connection is lost")
        raise psycopg.errors.error_from_result(result, encoding="utf-8")
