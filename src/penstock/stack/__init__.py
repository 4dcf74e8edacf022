"""The processes of a project on this machine: Postgres servers, Airflow, and services on demand."""

from penstock.stack.postgres.manage import SERVERS, ServerStatus, ensure, status, stop

__all__ = ["SERVERS", "ServerStatus", "ensure", "status", "stop"]
