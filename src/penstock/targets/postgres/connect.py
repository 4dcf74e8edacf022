"""See :mod:`penstock.postgres.connect`."""

from penstock.postgres.connect import PgConnection, connect, refused

__all__ = ["PgConnection", "connect", "refused"]
