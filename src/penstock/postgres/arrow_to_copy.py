"""Encodes Arrow rows for a binary COPY."""

from __future__ import annotations

import pgpq
import pyarrow as pa

_TRAILER_BYTES = 2


def encode(rows: pa.RecordBatch) -> memoryview:
    """The rows in Postgres's binary format, without the stream's signature and trailer.

    Each batch has its own encoder, because the scale of an unconstrained ``numeric`` may differ between batches.
    """
    encoder = pgpq.ArrowToPostgresBinaryEncoder(rows.schema)
    encoder.write_header()
    # The encoder returns data above a certain size, and the rest at the end.
    begun = encoder.write_batch(rows)
    rest = memoryview(encoder.finish())[:-_TRAILER_BYTES]
    return memoryview(begun + rest) if begun else rest
