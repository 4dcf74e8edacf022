"""What runs on this machine for a project: Postgres servers, Airflow, and services on demand."""

from penstock.stack.postgres.manage import SERVERS, ServerStatus, ensure, status, stop

__all__ = ["SERVERS", "ServerStatus", "ensure", "status", "stop"]
