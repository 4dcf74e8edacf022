"""Compares two tables or queries on two servers, by sums of hashes that the servers compute.

Both servers work in parallel. They read every row once, and rows in different ranges a second time. Only rows that
differ cross the network. Memory is bounded on both servers and here.

Each side is a table or query in a transaction of the caller, which must be ``REPEATABLE READ`` unless nobody else can
write. The comparison sets how values print until the transaction ends, independently of login and database::

    left = table(source, "public", "product")     # or query(source, SQL("SELECT …"), label="source") with renamed,
    right = table(target, "public", "product")    # cast or filtered columns
    right = align(left, right)                    # names as the left has them
    how = match(left, right, key=("product_id",))

:func:`narrow` then finds the ranges of hashed keys in which the sides differ; a copy of mode ``mirror`` reads those
ranges from the source, merges them, and deletes rows that only the target has. :func:`differences` returns each row
that differs with its key, as texts that can be cast.
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
