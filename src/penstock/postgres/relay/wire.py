"""Reads COPY data from a connection's socket, in the frames of the protocol.

A server sends each row in a frame: the letter ``d``, a length, the row. Servers accept rows in the same frames. So
blocks of frames are passed from socket to socket, and the only work per row is to skip it. libpq would copy each row
into its own memory.

Only for unencrypted connections, whose socket carries the plain protocol; others use
:mod:`penstock.postgres.relay.copy_out`.
"""

from __future__ import annotations

import os
import select
import socket
import struct
from collections.abc import Iterator

import psycopg
from psycopg.errors import lookup
from psycopg.sql import Composable

from penstock.postgres.connect import PgConnection

# Bytes per read from the socket. Larger blocks are not faster, and take memory.
BLOCK_BYTES = 256 * 1024

_DATA = ord("d")
_HEAD = struct.Struct(">BI")  # the letter, and the length including itself but not the letter
_HEADER_BYTES = 19  # signature, flags and the length of the empty extension, before the first row
_END_OF_ROWS = b"\xff\xff"
_TRAILER = b"d\x00\x00\x00\x06\xff\xff"


class Frames:
    """One ``COPY … TO STDOUT`` as blocks of whole frames; ``rows`` is the server's count after all were read.

    Args:
        binary: The statement uses the binary format, whose header and trailer are removed.
    """

    def __init__(self, connection: PgConnection, statement: Composable, *, binary: bool) -> None:
        self._connection = connection
        self._statement = statement.as_bytes(connection)
        self._binary = binary
        self._header_due = binary
        self._ended = False
        self._error: psycopg.Error | None = None
        self.rows = 0

    def blocks(self) -> Iterator[tuple[bytes, int]]:
        """Blocks of frames, and the number of frames in each.

        Raises:
            psycopg.Error: If the server reports an error, or the connection is lost.
        """
        # A duplicate of libpq's socket, closed without closing the connection. libpq is idle meanwhile: the
        # statement was sent, and its result is read completely without libpq.
        with socket.socket(fileno=os.dup(self._connection.pgconn.socket)) as wire:
            wire.setblocking(False)
            _ask(wire, self._statement)
            try:
                yield from self._relay(wire)
            finally:
                if not self._ended:
                    # libpq cannot parse the remaining data.
                    self._connection.close()
        if self._error is not None:
            raise self._error

    def _relay(self, wire: socket.socket) -> Iterator[tuple[bytes, int]]:
        data = b""
        while not self._ended:
            data = _receive(wire, data)
            place = 0
            while (after := _frame_end(data, place)) and not self._ended:
                if data[place] != _DATA:
                    self._answer(data[place], data[place + _HEAD.size : after])
                    place = after
                elif self._header_due:
                    self._header_due = False
                    row = data[place + _HEAD.size + _HEADER_BYTES : after]
                    if row != _END_OF_ROWS:
                        yield _HEAD.pack(_DATA, len(row) + 4) + row, 1
                    place = after
                else:
                    start, (place, count) = place, _step_over(data, place)
                    cut = self._trailer(data, start, place)
                    if place - cut > start:
                        yield data[start : place - cut], count - bool(cut)
                    if cut and place == len(data):
                        # Its end arrives with the next block; until then these bytes may belong to a row.
                        place -= cut
                        break
            data = data[place:]

    def _trailer(self, data: bytes, start: int, place: int) -> int:
        """The number of bytes before this offset that are or may be the stream's trailer."""
        if not self._binary or not data.endswith(_TRAILER, start, place):
            return 0
        return len(_TRAILER) if data[place : place + 1] in (b"", b"c") else 0

    def _answer(self, kind: int, body: bytes) -> None:
        match chr(kind):
            case "C":
                self.rows = int(body.rstrip(b"\0").rsplit(b" ", 1)[1])
            case "E":
                self._error = _error(body)
            case "Z":
                self._ended = True


def _step_over(data: bytes, place: int) -> tuple[int, int]:
    """The offset after the last whole row, and the number of rows before it."""
    unpack, size, count = _HEAD.unpack_from, len(data), 0
    last = size - _HEAD.size
    while place <= last:
        kind, length = unpack(data, place)
        after = place + 1 + length
        if kind != _DATA or after > size:
            break
        place = after
        count += 1
    return place, count


def _frame_end(data: bytes, place: int) -> int:
    """The offset after the frame that begins here; 0 if the frame is incomplete."""
    if len(data) - place < _HEAD.size:
        return 0
    _, length = _HEAD.unpack_from(data, place)
    after = place + 1 + int(length)
    return after if after <= len(data) else 0


def _receive(wire: socket.socket, begun: bytes) -> bytes:
    """The remaining data and newly read data. A row longer than a block is read completely."""
    size = BLOCK_BYTES
    if len(begun) >= _HEAD.size:
        _, length = _HEAD.unpack_from(begun, 0)
        size = max(size, 1 + length - len(begun))
    buffer = bytearray(len(begun) + size)
    buffer[: len(begun)] = begun
    view, filled = memoryview(buffer), len(begun)
    enough = len(begun) + (size if size > BLOCK_BYTES else 1)
    while filled < enough:
        try:
            got = wire.recv_into(view[filled:])
        except BlockingIOError:
            select.select([wire], [], [])
            continue
        except OSError as error:
            raise psycopg.OperationalError("the connection was lost") from error
        if not got:
            raise psycopg.OperationalError("the connection was lost")
        filled += got
    return bytes(view[:filled])


def _ask(wire: socket.socket, statement: bytes) -> None:
    question = memoryview(_HEAD.pack(ord("Q"), len(statement) + 5) + statement + b"\0")
    while question:
        try:
            question = question[wire.send(question) :]
        except BlockingIOError:
            select.select([], [wire], [])
        except OSError as error:
            raise psycopg.OperationalError("the connection was lost") from error


def _error(body: bytes) -> psycopg.Error:
    """The server's error as raised by psycopg."""
    fields = {part[:1]: part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}
    code, message = fields.get(b"C", ""), fields.get(b"M", "")
    try:
        return lookup(code)(message)
    except KeyError:
        return psycopg.DatabaseError(message)
