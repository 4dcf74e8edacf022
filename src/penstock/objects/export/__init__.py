"""A table or query as files in an object store, or in a directory."""
