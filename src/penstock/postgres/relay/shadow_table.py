"""Shadow tables: a new table is filled by several connections under a temporary name, and then renamed.

One COPY uses one core of the target, and a transaction has one connection. So a large new table is created under a
temporary name and filled over two connections, which commit. One transaction then renames it, adds its keys, and
writes the ledger. The next copy drops shadow tables of killed copies.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import psycopg
from psycopg.sql import SQL, Composable, Identifier

from penstock.model.connection import Connection
from penstock.ports import SafeProgress
from penstock.postgres.connect import PgConnection, connect, is_plain
from penstock.postgres.copy_in import copy_into
from penstock.postgres.relay.create_table import Creation
from penstock.postgres.relay.ends import Place
from penstock.postgres.relay.source_table import Reading
from penstock.postgres.relay.stream import Flow, Poured, Send, prove

# Each costs the target a connection. With two, a copy of 5 million rows takes as long as psql's pipe, and the target's
# cores are busy (benchmarks/RESULTS.md). One writer without WAL does not save processor time (decision 32).
WRITERS = 2

_PREFIX = "penstock_incoming_"


class Incoming:
    """The shadow table.

    Attributes:
        name: Its temporary name, in the final schema.
    """

    def __init__(self, target: Connection, place: Place) -> None:
        self._target = target
        self._place = place
        digest = hashlib.sha256(f"{place.schema}.{place.table}".encode()).hexdigest()[:12]
        self._stem = f"{_PREFIX}{digest}_"
        self.name: str | None = None

    @property
    def table(self) -> Composable:
        """The table under its temporary name."""
        assert self.name is not None  # it exists
        return Identifier(self._place.schema, self.name)

    def sweep(self, connection: PgConnection) -> None:
        """Drop shadow tables of killed copies. Call it while holding the target's lock."""
        rows = connection.execute(
            "SELECT c.relname::text AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND starts_with(c.relname, %s) AND c.relkind = 'r'",
            [self._place.schema, self._stem],
        ).fetchall()
        for row in rows:
            connection.execute(SQL("DROP TABLE {}").format(Identifier(self._place.schema, row["name"])))

    def fill(self, creation: Creation, reading: Reading, run: int, progress: SafeProgress) -> Poured:
        """Create the table under a name for this run, and fill it.

        Raises:
            PenstockError: If either server fails; :func:`incoming` then drops the table.
        """
        self.name = f"{self._stem}{run}"
        with ExitStack() as stack:
            writers = [stack.enter_context(connect(self._target)) for _ in range(WRITERS)]
            with writers[0].transaction():
                creation.begin(writers[0], self.name)
                # Autovacuum would only process an unfinished table.
                writers[0].execute(SQL("ALTER TABLE {} SET (autovacuum_enabled = false)").format(self.table))
            return self._pour(reading, writers, progress)

    def _pour(self, reading: Reading, writers: Sequence[PgConnection], progress: SafeProgress) -> Poured:
        outputs = reading.outputs
        binary = all(output.field.binary for output in outputs)
        framed = is_plain(reading.connection) and is_plain(writers[0])
        columns = [output.expression for output in outputs]
        flow = Flow(reading, columns, progress, binary=binary, framed=framed)
        names = [output.name for output in outputs]
        counting, taken = threading.Lock(), [0]

        @contextmanager
        def writing(writer: PgConnection) -> Iterator[Send]:
            with copy_into(writer, self.table, names, text=not binary) as stream:
                yield stream.forward if framed else stream.send
            with counting:
                taken[0] += stream.rows

        poured = flow.pour_abreast(writers, writing)
        prove(poured.rows, taken[0], reading.origin.address)
        return poured

    def reveal(self, connection: PgConnection) -> None:
        """Rename the table, in the transaction that commits the copy."""
        connection.execute(SQL("ALTER TABLE {} RESET (autovacuum_enabled)").format(self.table))
        connection.execute(
            SQL("ALTER TABLE {} RENAME TO {}").format(self.table, Identifier(self._place.table))
        )

    def drop(self) -> None:
        """Drop the table, if it still has its temporary name."""
        if self.name is None:
            return
        try:
            with connect(self._target) as connection:
                connection.execute(SQL("DROP TABLE IF EXISTS {}").format(self.table))
        except psycopg.Error:
            # The server is unreachable: the next copy into the same table drops it.
            return


@contextmanager
def incoming(target: Connection, place: Place) -> Iterator[Incoming]:
    """A shadow table for a new table, dropped if the block fails."""
    made = Incoming(target, place)
    try:
        yield made
    except BaseException:
        made.drop()
        raise
