"""Receives ``COPY … TO STDOUT`` in blocks of whole rows."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.ports import Rows
from penstock.postgres.connect import PgConnection
from penstock.postgres.copy_out import OutgoingCopy

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
        self._receive = connection.pgconn.get_copy_data
        self._copy = OutgoingCopy(connection, statement)
        self.rows = 0

    def blocks(self) -> Iterator[Rows]:
        """Whole rows, in blocks.

        Raises:
            psycopg.Error: What the server has against it, or that it is gone.
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
