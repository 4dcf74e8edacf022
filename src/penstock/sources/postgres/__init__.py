"""A Postgres table or query as a stream of exactly typed rows."""
