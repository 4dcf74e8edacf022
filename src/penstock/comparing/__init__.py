"""Compares two tables, or queries, on two servers: sums of hashes there, and only rows that differ come here.

Both servers work at the same time, look at every row once where the tables are equal, and at some a second time where
they are not. Memory is bounded on both servers and here.

How a copy of mode ``mirror`` uses it, with ``left`` its source and ``right`` its target, each inside of the
transaction that reads or writes it (``REPEATABLE READ``, so that a key that was found to differ is still there when it
is fetched)::

    from penstock.comparing import differences, match, query, table

    left = table(source, "public", "product")     # or query(source, SQL("SELECT …"), label="source") with renamed,
    right = table(target, "public", "product")    # cast or filtered columns: names as the target has them
    how = match(left, right, key=("product_id",), columns=columns)
    for difference in differences(left, right, how):
        match difference.kind:
            case "extra":                 # the source no longer has it: delete it from the target
            case "missing" | "changed":   # fetch it from the source, and merge

``difference.key`` holds the texts of the key's columns, ready for a cast (``%s::text::bigint``) or for a text COPY into
a table of keys. The transactions are the caller's: nothing here begins or ends one, but until it ends it prints values
in one way, whatever was set for the login or the database. Deletes come before merges, or a key that only looks
different (``citext``) would hit itself.
"""

from penstock.comparing.differences import Difference, differences
from penstock.comparing.match import Match, match
from penstock.comparing.ranges import Found, narrow
from penstock.comparing.sides import Side, query, table

__all__ = ["Difference", "Found", "Match", "Side", "differences", "match", "narrow", "query", "table"]
