"""Receives COPY data through libpq, for encrypted connections."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg.sql import Composable

from penstock.postgres.connect import PgConnection
from penstock.postgres.copy_out import OutgoingCopy

# Approximate size of blocks of rows. Smaller ones need more calls, larger ones more memory.
BLOCK_BYTES = 256 * 1024

_HEADER = 19  # bytes before the first row: signature, flags and the length of the empty extension
_TRAILER = b"\xff\xff"


class Outflow:
    """One ``COPY … TO STDOUT`` as blocks of rows; ``rows`` is the server's count after all were read.

    Args:
        binary: The statement uses the binary format, whose header and trailer are removed.
    """

    def __init__(self, connection: PgConnection, statement: Composable, *, binary: bool) -> None:
        self._receive = connection.pgconn.get_copy_data
        self._copy = OutgoingCopy(connection, statement.as_bytes(connection))
        self._binary = binary
        self.rows = 0

    def blocks(self) -> Iterator[tuple[bytes, int]]:
        """Blocks of whole rows in order, and the number of rows in each.

        Raises:
            psycopg.Error: If the server reports an error, or the connection is lost.
        """
        self._copy.begin()
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
        self.rows = self._copy.end()

    def _messages(self) -> Iterator[bytes | memoryview]:
        receive = self._receive
        begun = not self._binary
        while True:
            size, data = receive(1)
            if size > 0:
                if not begun:
                    begun = True
                    data = data[_HEADER:]
                    if not len(data):
                        continue
                # Without rows, header and trailer arrive as one message.
                if len(data) == len(_TRAILER) and self._binary and bytes(data) == _TRAILER:
                    continue
                yield data
            elif size == 0:
                self._copy.wait()
            else:
                return
