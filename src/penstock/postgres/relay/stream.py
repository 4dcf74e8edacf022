"""Streams rows from one server to another: blocks of bytes from several ranges in parallel, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import partial

import psycopg
import xxhash
from psycopg.sql import Composable

from penstock.engine.prefetch import Prefetch, Producer, Shared
from penstock.model.errors import SourceError
from penstock.model.plurals import counted
from penstock.ports import SafeProgress
from penstock.postgres.connect import PgConnection, cancel
from penstock.postgres.relay.copy_out import Outflow
from penstock.postgres.relay.source_table import Reading, as_source_error
from penstock.postgres.relay.wire import Frames

# Two readers keep one writer busy. More do not help: a COPY into a table is the bottleneck.
READERS = 2
_WAITING = 16  # queue length in blocks; bounds the memory

Send = Callable[[bytes], None]
Block = tuple[bytes, int]
Writing = Callable[[PgConnection], AbstractContextManager[Send]]


@dataclass(frozen=True, slots=True)
class Poured:
    """The result of reading the source.

    Args:
        rows: The source's count of rows.
        fingerprint: Hash of all bytes in the order of the table, for any number of readers.
    """

    rows: int
    fingerprint: str


class Flow:
    """All rows of a source, in one format.

    Args:
        columns: The columns of each row.
        binary: In binary format instead of text.
        framed: In the frames of the protocol, for unencrypted connections.
    """

    def __init__(
        self,
        reading: Reading,
        columns: Sequence[Composable],
        progress: SafeProgress,
        *,
        binary: bool,
        framed: bool,
    ) -> None:
        self._reading = reading
        self._columns = columns
        self._binary = binary
        self._framed = framed
        self._progress = progress
        self._parts = reading.parts()
        self._digests = [b""] * len(self._parts)
        self._rows = [0] * len(self._parts)

    def pour(self, send: Send) -> Poured:
        """Pass all blocks to ``send``, those of parallel ranges in order of arrival.

        Raises:
            SourceError: If the source fails or disconnects.
        """
        parts = Shared(range(len(self._parts)))
        self._begin()
        with self._connections(READERS) as connections, self._blocks(connections, parts) as blocks:
            for block, rows in blocks:
                send(block)
                self._advance(rows)
        return self._poured()

    def pour_abreast(self, writers: Sequence[PgConnection], writing: Writing) -> Poured:
        """Let each writer copy the next free range, over its own connections to both servers.

        Args:
            writing: Opens a COPY on a writer, and returns the function that sends blocks.

        Raises:
            PenstockError: The first error of a writer.
        """
        parts = Shared(range(len(self._parts)))
        self._begin()

        def work(connection: PgConnection, writer: PgConnection) -> Iterator[int]:
            with writing(writer) as send:
                for block, rows in self._read(connection, parts):
                    send(block)
                    yield rows

        def end(connection: PgConnection, writer: PgConnection) -> None:
            cancel(connection)
            cancel(writer)

        with self._connections(len(writers)) as connections:
            pairs = zip(connections, writers, strict=False)
            producers = [Producer(work(*pair), partial(end, *pair)) for pair in pairs]
            with Prefetch(*producers, depth=_WAITING) as counts:
                for rows in counts:
                    self._advance(rows)
        return self._poured()

    def _blocks(
        self, connections: Sequence[PgConnection], parts: Iterable[int]
    ) -> AbstractContextManager[Iterator[Block]]:
        if len(connections) == 1:
            return closing(self._read(connections[0], parts))
        producers = [Producer(self._read(one, parts), partial(cancel, one)) for one in connections]
        return Prefetch(*producers, depth=_WAITING)

    @contextmanager
    def _connections(self, count: int) -> Iterator[list[PgConnection]]:
        with self._reading.also(min(count, len(self._parts)) - 1) as others:
            yield [self._reading.connection, *others]

    def _begin(self) -> None:
        self._progress.begin("copying", self._reading.estimate() if self._progress.wanted else None)

    def _advance(self, rows: int) -> None:
        self._progress.advance(rows, 0, rows)

    def _poured(self) -> Poured:
        self._progress.finish()
        whole = xxhash.xxh3_128(b"".join(self._digests))
        return Poured(sum(self._rows), whole.hexdigest())

    def _read(self, connection: PgConnection, parts: Iterable[int]) -> Generator[Block, None, None]:
        for part in parts:
            statement = self._reading.statement(self._columns, self._parts[part], binary=self._binary)
            digest = xxhash.xxh3_128()
            kind = Frames if self._framed else Outflow
            outflow = kind(connection, statement, binary=self._binary)
            try:
                for block, rows in outflow.blocks():
                    digest.update(block)
                    yield block, rows
            except psycopg.Error as error:
                raise as_source_error(error, self._reading.origin.address) from None
            self._digests[part] = digest.digest()
            self._rows[part] = outflow.rows


def prove(poured: int, taken: int, address: str) -> None:
    """Check that the target received all rows of the source.

    Raises:
        SourceError: If the servers' counts differ.
    """
    if poured != taken:
        raise SourceError(
            f"{address} sent {counted(poured, 'row')}, but {taken} arrived; nothing was changed",
            hint="run the copy again",
        )
