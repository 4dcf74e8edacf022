"""Exports of tables and queries to object stores and directories."""
