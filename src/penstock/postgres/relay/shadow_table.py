"""A new table that several connections fill at once, and nobody sees under its name until all of it is there.

One COPY keeps one core of the target busy, and a transaction has one connection. So a large new table is made under a
name of its own, filled over two connections that commit, and given its real name, its keys and its line in the ledger
in one transaction. What a killed copy left under such a name is dropped by the next one.
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
# cores are busy (benchmarks/RESULTS.md). One writer, whose rows need no log, spares no processor time (decision 32).
WRITERS = 2

_PREFIX = "penstock_incoming_"


class Incoming:
    """The table's place before it has its name.

    Attributes:
        name: What it is called meanwhile, in the schema where it will stay.
    """

    def __init__(self, target: Connection, place: Place) -> None:
        self._target = target
        self._place = place
        digest = hashlib.sha256(f"{place.schema}.{place.table}".encode()).hexdigest()[:12]
        self._stem = f"{_PREFIX}{digest}_"
        self.name: str | None = None

    @property
    def table(self) -> Composable:
        """The table under the name that it has meanwhile."""
        assert self.name is not None  # it was made
        return Identifier(self._place.schema, self.name)

    def sweep(self, connection: PgConnection) -> None:
        """Drop what copies that were killed left. To be called under the target's lock."""
        rows = connection.execute(
            "SELECT c.relname::text AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND starts_with(c.relname, %s) AND c.relkind = 'r'",
            [self._place.schema, self._stem],
        ).fetchall()
        for row in rows:
            connection.execute(SQL("DROP TABLE {}").format(Identifier(self._place.schema, row["name"])))

    def fill(self, creation: Creation, reading: Reading, run: int, progress: SafeProgress) -> Poured:
        """Make the table under a name for this run, and fill it.

        Raises:
            PenstockError: If either server fails; the table goes when :func:`incoming` ends.
        """
        self.name = f"{self._stem}{run}"
        with ExitStack() as stack:
            writers = [stack.enter_context(connect(self._target)) for _ in range(WRITERS)]
            with writers[0].transaction():
                creation.begin(writers[0], self.name)
                # It would only find a table that is not finished.
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
        """Give the table its name, within the transaction that will commit the copy."""
        connection.execute(SQL("ALTER TABLE {} RESET (autovacuum_enabled)").format(self.table))
        connection.execute(
            SQL("ALTER TABLE {} RENAME TO {}").format(self.table, Identifier(self._place.table))
        )

    def drop(self) -> None:
        """Drop the table, if it still has its first name."""
        if self.name is None:
            return
        try:
            with connect(self._target) as connection:
                connection.execute(SQL("DROP TABLE IF EXISTS {}").format(self.table))
        except psycopg.Error:
            # A server that cannot be asked now: the next copy into the same table sweeps.
            return


@contextmanager
def incoming(target: Connection, place: Place) -> Iterator[Incoming]:
    """A place for a new table; what is left of it when the block fails is dropped."""
    made = Incoming(target, place)
    try:
        yield made
    except BaseException:
        made.drop()
        raise
