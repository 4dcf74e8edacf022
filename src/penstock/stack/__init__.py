"""What runs on this machine for a project: today its two Postgres servers."""

from penstock.stack.servers import SERVERS, ServerStatus, ensure, status, stop

__all__ = ["SERVERS", "ServerStatus", "ensure", "status", "stop"]
