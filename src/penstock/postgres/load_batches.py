"""Loads clean batches: directly into the table if that is safe, otherwise onto the stage."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from typing import IO

import numpy as np
import pyarrow as pa
from psycopg.sql import Identifier

from penstock.model.result import Reject
from penstock.ports import Judged
from penstock.postgres.connect import PgConnection
from penstock.postgres.copy_in import copy_into, encode, spool_into
from penstock.postgres.staging import PROVENANCE, STAGE, Shape

_REJECTS = Identifier("penstock_ledger", "rejects")
_REJECT_COLUMNS = ("run", "file", "line", "raw", "reason", "column", "message")
_REJECT_SCHEMA = pa.schema(
    [("run", pa.int64()), ("file", pa.large_string()), ("line", pa.int64())]
    + [(name, pa.large_string()) for name in _REJECT_COLUMNS[3:]]
)


class Loader:
    """Loads one copy's batches. Rows for the stage and rejects are spooled to unnamed files: a connection can run only
    one COPY at a time, and memory must not grow with the number of rejects.

    Args:
        run: The copy's run number, for its rejects.
        files: Names of the source's files.
    """

    def __init__(self, connection: PgConnection, shape: Shape, *, run: int, files: Sequence[str]) -> None:
        self._connection = connection
        self._shape = shape
        self._run = run
        self._files = files
        self.repeats = False

    def straight(self, batches: Iterable[Judged]) -> int:
        """Load into the table, but stage rows whose key may have occurred before; returns the rows loaded."""
        with _spool() as rejects, _spool() as aside:
            with copy_into(self._connection, self._shape.target, self._shape.names) as stream:
                for batch in batches:
                    self._keep(rejects, batch.rejects)
                    if not batch.again.any():
                        stream.send(encode(batch.rows))
                        continue
                    self.repeats = True
                    aside.write(self._staged(batch.take(batch.again)))
                    stream.send(encode(batch.take(~batch.again).rows))
            self._quarantine(rejects)
            spool_into(self._connection, STAGE, [*self._shape.names, *PROVENANCE], aside)
        return stream.rows

    def staged(self, batches: Iterable[Judged]) -> None:
        """Load everything onto the stage."""
        with _spool() as rejects:
            with copy_into(self._connection, STAGE, [*self._shape.names, *PROVENANCE]) as stream:
                for batch in batches:
                    self._keep(rejects, batch.rejects)
                    self.repeats = self.repeats or bool(batch.again.any())
                    stream.send(self._staged(batch))
            self._quarantine(rejects)

    def _staged(self, batch: Judged) -> memoryview:
        count = batch.rows.num_rows
        provenance = [
            pa.array(np.full(count, batch.file, dtype=np.int32)),
            pa.array(batch.lines),
            pa.array(batch.again),
        ]
        rows = pa.RecordBatch.from_arrays(
            [*batch.rows.columns, *provenance], names=[*batch.rows.schema.names, *PROVENANCE]
        )
        return encode(rows)

    def _keep(self, spool: IO[bytes], rejects: Sequence[Reject]) -> None:
        if not rejects:
            return
        columns = [
            [self._run] * len(rejects),
            [self._files[reject.file] for reject in rejects],
            [reject.line for reject in rejects],
            [reject.raw for reject in rejects],
            [reject.reason.value for reject in rejects],
            [reject.column for reject in rejects],
            [reject.message for reject in rejects],
        ]
        arrays = [pa.array(values, field.type) for values, field in zip(columns, _REJECT_SCHEMA, strict=True)]
        spool.write(encode(pa.RecordBatch.from_arrays(arrays, schema=_REJECT_SCHEMA)))

    def _quarantine(self, spool: IO[bytes]) -> None:
        spool_into(self._connection, _REJECTS, _REJECT_COLUMNS, spool)


def _spool() -> IO[bytes]:
    return tempfile.TemporaryFile(prefix="penstock-")
