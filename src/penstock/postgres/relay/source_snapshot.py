"""Which transactions of a source were over when it was read, and which were not."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.postgres.connect import PgConnection
from penstock.postgres.queries import queries

_SQL = queries(__package__, "watermarks.sql")
_WHOLE = 2**32


@dataclass(frozen=True, slots=True)
class Before:
    """What was looked up just before the instant.

    Args:
        next: No transaction had this number yet.
        ours: Those open in this very database; None where that cannot be told, as on a standby.
    """

    next: int
    ours: frozenset[int] | None


@dataclass(frozen=True, slots=True)
class Instant:
    """Where a source's transactions stood when it was read.

    Args:
        oldest_open: All transactions below this number were over, or those of other databases.
        next: No transaction had this number yet.
        any_open: Some with a number were not over.
        system: The cluster; another one has other numbers.
        table: The table's number there.
    """

    oldest_open: int
    next: int
    any_open: bool
    system: str
    table: int


def look_before(connection: PgConnection) -> Before:
    """To be asked outside of a transaction, before the one that reads.

    A snapshot names the open transactions of all databases of the server, also of the target's, should it be one of
    them. Those that were open before the snapshot and still are at it hold a lock that tells their database.
    """
    row = connection.execute(_SQL["next"]).fetchone()
    assert row is not None  # a snapshot is always there
    if row["standby"]:
        return Before(row["next"], None)
    numbers = [int(found["number"]) for found in connection.execute(_SQL["ours"])]
    return Before(row["next"], frozenset(_unfold(number, row["next"]) for number in numbers))


def take_instant(connection: PgConnection, before: Before, table: int) -> Instant:
    """The instant of the transaction that reads."""
    row = connection.execute(_SQL["instant"]).fetchone()
    assert row is not None  # a snapshot is always there
    unseen = [
        number
        for number in row["open"]
        if before.ours is None or number >= before.next or number in before.ours
    ]
    return Instant(
        oldest_open=min(unseen, default=row["next"]),
        next=row["next"],
        any_open=bool(unseen),
        system=row["system"],
        table=table,
    )


def _unfold(number: int, near: int) -> int:
    """The whole number of a transaction whose last 32 bits are known, and that it is near another.

    Example:
        >>> _unfold(5, 2**32 + 7) == 2**32 + 5, _unfold(2**32 - 1, 2**32 + 7) == 2**32 - 1
        (True, True)
    """
    difference = (number - near) % _WHOLE
    return near + (difference if difference < _WHOLE // 2 else difference - _WHOLE)
