"""From table to table: one Postgres server's rows go to another as the bytes of its own binary COPY."""
