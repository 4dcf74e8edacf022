"""Compares two tables, or queries, on two servers: sums of hashes there, and only rows that differ come here.

Both servers work at the same time, look at every row once where the tables are equal, and at some a second time where
they are not. Memory is bounded on both servers and here.

Each side is a table or a query inside of a transaction that is the caller's: nothing here begins or ends one, but until
it ends it prints values in one way, whatever was set for the login or the database. Unless nobody else can write, that
transaction must be of one snapshot (``REPEATABLE READ``)::

    left = table(source, "public", "product")     # or query(source, SQL("SELECT …"), label="source") with renamed,
    right = table(target, "public", "product")    # cast or filtered columns
    right = align(left, right)                    # names as the left has them
    how = match(left, right, key=("product_id",))

Two ways lead on from there. :func:`narrow` finds the ranges of hashed keys in which the sides differ; a copy of mode
``mirror`` reads those from the source, merges them, and deletes what the target alone has in them. :func:`differences`
names each row that differs by its key, as texts that are ready for a cast.
"""

from penstock.postgres.diff.checksums import Found, Ranges, narrow
from penstock.postgres.diff.columns import Match, align, match
from penstock.postgres.diff.differences import Difference, differences
from penstock.postgres.diff.relation import Side, query, table

__all__ = [
    "Difference",
    "Found",
    "Match",
    "Ranges",
    "Side",
    "align",
    "differences",
    "match",
    "narrow",
    "query",
    "table",
]
