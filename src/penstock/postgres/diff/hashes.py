"""SQL that hashes a key or a row: equal on both servers if the values print alike.

A row's hash mixes the hashes of its columns, and is mixed once more itself: otherwise sums over many rows would not
detect values swapped between two rows. The probability that two different rows have the same hash is 1 in 2^64.

Only integers and booleans are hashed as values, everything else as text. The server's hashes of other types are too
weak: those of ``numeric`` ignore sign and scale, those of ``timestamp`` and ``bigint`` have 32 bits. They may also
change between versions; that of text does not.
"""

from __future__ import annotations

from collections.abc import Sequence

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from penstock.postgres.diff.columns import Match

_SMALL = {"int2", "int4"}
_WHOLE = _SMALL | {"int8"}


def key_hash(match: Match) -> Composable:
    """The hash that assigns rows to ranges: that of the key, or of the row without a key."""
    return _mixed(match, match.key) if match.key else row_hash(match)


def row_hash(match: Match) -> Composable:
    """The hash of all compared columns."""
    return _mixed(match, match.columns)


def printed(column: str) -> Composable:
    """The text of a column, or null."""
    return SQL("compared.{}::text").format(Identifier(column))


def _mixed(match: Match, columns: Sequence[str]) -> Composable:
    terms = [_column_hash(match, name, seed) for seed, name in enumerate(columns, start=1)]
    # The seed uses all 64 bits, the first argument only 32.
    return SQL("hashint8extended(0, {})").format(_xor(terms))


def _xor(terms: Sequence[Composable]) -> Composable:
    # As a balanced tree: the server recurses into it, and tables may have 1,600 columns.
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return SQL("({} # {})").format(_xor(terms[:middle]), _xor(terms[middle:]))


def _column_hash(match: Match, name: str, seed: int) -> Composable:
    left, right = match.types[name]
    column = SQL("compared.{}").format(Identifier(name))
    bases = {left.base, right.base} if left.plain and right.plain else {""}
    if bases == {"bool"}:
        return SQL("CASE WHEN {0} THEN {1}::bigint WHEN NOT {0} THEN {2} ELSE {3} END").format(
            column, *(Literal(seed * 4 + value) for value in range(3))
        )
    if bases <= _WHOLE:
        hashed = _whole(column, seed, small=bases <= _SMALL)
    else:
        hashed = _text(printed(name), seed, recoded=match.recoded)
    return SQL("coalesce({}, {})").format(hashed, Literal(seed)) if name in match.nullable else hashed


def _whole(column: Composable, seed: int, *, small: bool) -> Composed:
    if small:
        return SQL("hashint4extended({}, {})").format(column, Literal(seed))
    # hashint8extended uses only 32 bits of its argument, so the number is also the seed.
    return SQL("hashint8extended({0}, {0}::bigint # {1})").format(column, Literal(seed))


def _text(text: Composable, seed: int, *, recoded: bool) -> Composed:
    if recoded:
        text = SQL("encode(convert_to({}, 'UTF8'), 'hex')").format(text)
    return SQL('hashtextextended({} COLLATE "C", {})').format(text, Literal(seed))
