"""Arrow rows as the rows of a binary COPY."""

from __future__ import annotations

import pgpq
import pyarrow as pa

_TRAILER_BYTES = 2


def encode(rows: pa.RecordBatch) -> memoryview:
    """The rows in Postgres's binary form, without the stream's signature and trailer.

    An encoder for each batch: the scale of an unlimited ``numeric`` may differ from one to the next.
    """
    encoder = pgpq.ArrowToPostgresBinaryEncoder(rows.schema)
    encoder.write_header()
    # It hands on what it has written only beyond a size of its own, the rest at the end.
    begun = encoder.write_batch(rows)
    rest = memoryview(encoder.finish())[:-_TRAILER_BYTES]
    return memoryview(begun + rest) if begun else rest
