"""Access to Postgres servers."""
