"""Loads Snowflake tables from an external stage."""
