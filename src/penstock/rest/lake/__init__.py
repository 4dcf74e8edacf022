"""The lake: raw answers in batches, and the records that can be read from them without new requests."""
