"""Receives ``COPY … TO STDOUT`` in blocks of whole rows."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.ports import Rows
from penstock.postgres.connect import PgConnection
from penstock.postgres.copy_out import OutgoingCopy

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
