"""Pours rows from one server into another: blocks of bytes, from several ranges at once, in bounded memory."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import psycopg
import xxhash
from psycopg.sql import Composable

from penstock.model.errors import SourceError
from penstock.ports import Progress
from penstock.postgres.connect import PgConnection
from penstock.tables.outflow import Outflow
from penstock.tables.reading import Reading, as_source_error

# Two readers keep one writer busy. More gain nothing: one COPY into a table is the narrowest place.
READERS = 2
_WAITING_BLOCKS = 16  # of 256 kB each
_POLL_S = 0.1

Send = Callable[[bytes], None]
Block = tuple[int, bytes, int]


@dataclass(frozen=True, slots=True)
class Poured:
    """What came out of the source.

    Args:
        rows: By the source's own count.
        fingerprint: Of all bytes in the order of the table, however many readers there were.
    """

    rows: int
    fingerprint: str


class Flow:
    """All rows of a reading, in one form.

    Args:
        columns: What each row is made of.
        binary: In the servers' binary form, else as text.
    """

    def __init__(
        self, reading: Reading, columns: Sequence[Composable], *, binary: bool, progress: Progress | None
    ) -> None:
        self._reading = reading
        self._columns = columns
        self._binary = binary
        self._progress = progress
        self._parts = reading.parts()
        self._digests = [b""] * len(self._parts)
        self._rows = [0] * len(self._parts)

    def pour(self, send: Send) -> Poured:
        """Hand all blocks to ``send``.

        Raises:
            SourceError: If the source fails or goes away.
        """
        alone = len(self._parts) == 1
        blocks = self._read(self._reading.connection, 0) if alone else self._several()
        for _, block, rows in blocks:
            send(block)
            if self._progress is not None:
                self._progress.advance(rows, 0)
        whole = xxhash.xxh3_128(b"".join(self._digests))
        return Poured(sum(self._rows), whole.hexdigest())

    def _read(self, connection: PgConnection, part: int) -> Iterator[Block]:
        statement = self._reading.statement(self._columns, self._parts[part], binary=self._binary)
        digest = xxhash.xxh3_128()
        try:
            outflow = Outflow(connection, statement, binary=self._binary)
            for block, rows in outflow.blocks():
                digest.update(block)
                yield part, block, rows
        except psycopg.Error as error:
            raise as_source_error(error, self._reading.origin.address) from None
        self._digests[part] = digest.digest()
        self._rows[part] = outflow.rows

    def _several(self) -> Iterator[Block]:
        with self._reading.also(min(READERS, len(self._parts)) - 1) as others:
            yield from Readers(self._read, len(self._parts)).blocks([self._reading.connection, *others])


class Readers:
    """Threads that read parts, each over its own connection, the next free one the next part."""

    def __init__(self, read: Callable[[PgConnection, int], Iterator[Block]], parts: int) -> None:
        self._read = read
        self._next = iter(range(parts))
        self._taking = threading.Lock()
        self._line: queue.Queue[Block | BaseException | None] = queue.Queue(maxsize=_WAITING_BLOCKS)
        self._stopped = threading.Event()

    def blocks(self, connections: Sequence[PgConnection]) -> Iterator[Block]:
        """The blocks of all parts as they come."""
        threads = [
            threading.Thread(target=self._work, args=(connection,), name="penstock-reader", daemon=True)
            for connection in connections
        ]
        for thread in threads:
            thread.start()
        ended = 0
        try:
            while ended < len(threads):
                match self._line.get():
                    case None:
                        ended += 1
                    case BaseException() as error:
                        raise error
                    case block:
                        yield block
        finally:
            self._stopped.set()
            for thread, connection in zip(threads, connections, strict=True):
                if thread.is_alive():
                    # The thread may wait for a server that sends nothing for long.
                    thread.join(_POLL_S)
                    if thread.is_alive():
                        _cancel(connection)
                        thread.join()

    def _take(self) -> int | None:
        with self._taking:
            return next(self._next, None)

    def _work(self, connection: PgConnection) -> None:
        try:
            while (part := self._take()) is not None:
                for block in self._read(connection, part):
                    if not self._put(block):
                        return
            self._put(None)
        except BaseException as error:  # noqa: BLE001  # handed to the writer, which raises it
            self._put(error)

    def _put(self, item: Block | BaseException | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._line.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False


def _cancel(connection: PgConnection) -> None:
    try:
        connection.cancel_safe(timeout=5)
    except psycopg.Error:
        # Then there is nobody to cancel it: the thread meets the same end of the connection.
        return


def prove(poured: int, taken: int, address: str) -> None:
    """That the target took what the source gave.

    Raises:
        SourceError: If the servers' counts differ.
    """
    if poured != taken:
        raise SourceError(
            f"{address} sent {poured} rows, and {taken} arrived; nothing was changed",
            hint="run the copy again",
        )
