"""A Snowflake table, filled from an external stage that covers the objects."""
