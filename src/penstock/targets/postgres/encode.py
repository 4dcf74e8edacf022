"""Arrow rows as the rows of a binary COPY."""

from __future__ import annotations

import pgpq
import pyarrow as pa


def encode(rows: pa.RecordBatch) -> bytes:
    """The rows in Postgres's binary form, without the stream's signature and trailer.

    An encoder for each batch: the scale of an unlimited ``numeric`` may differ from one to the next.
    """
    encoder = pgpq.ArrowToPostgresBinaryEncoder(rows.schema)
    encoder.write_header()
    data: bytes = encoder.write_batch(rows)
    return data
