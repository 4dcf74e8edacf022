"""What everything that speaks to a Postgres server shares."""
