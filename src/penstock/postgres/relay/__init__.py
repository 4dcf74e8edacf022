"""Copies from table to table: rows go from one Postgres server to another as bytes of a binary COPY."""
