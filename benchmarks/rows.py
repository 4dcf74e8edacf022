"""Rows of sales as functions of their number: any stretch of them is made at once, and the same every time."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.dirt import DIRT, Dirt

Numbers = npt.NDArray[np.uint64]
Kinds = npt.NDArray[np.int64]

HEADER: Final = (
    "sale_id", "product_id", "product_name", "brand", "category", "retailer_id", "retailer_name", "location",
    "quantity", "price", "sold_on",
)  # fmt: skip

# Kinds of rows: valid, invalid in one of several ways, an exact duplicate, or another row with an existing key.
GOOD, FIRST_DIRT = 0, 1
DUPLICATE = FIRST_DIRT + len(DIRT)
CONFLICT = DUPLICATE + 1
_DUPLICATES_PER_MILLION = 10_000
_CONFLICTS_PER_MILLION = 50

_FIRST_ID = 1_000
_FIRST_DAY = np.datetime64("2013-01-01").astype(np.int64)
_DAYS = 365
_PRODUCTS, _RETAILERS = 2_000, 300
_THINGS = (
    "Kettle",
    "Toaster",
    "Lamp",
    "Desk Chair",
    "Blender, Small",
    "Headphones",
    "Router",
    "Backpack",
    "Rug",
    "Clock",
)
_CATEGORIES = ("Kitchen", "Office", "Electronics", "Travel", "Home & Living")
_CITIES = (
    "New York",
    "Los Angeles",
    "Chicago",
    "Houston",
    "Phoenix",
    "Philadelphia",
    "San Antonio",
    "San Diego",
    "Dallas",
)


def mixed(numbers: Numbers, salt: int) -> Numbers:
    """A number that looks random for each of these, another one for another salt (splitmix64)."""
    word = numbers + np.uint64(salt * 0x9E3779B97F4A7C15 % 2**64)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


def kinds_of(numbers: Numbers) -> Kinds:
    """The kinds of these rows; the first is valid, so that it can be duplicated."""
    shares = [*(dirt.per_million for dirt in DIRT.values()), _DUPLICATES_PER_MILLION, _CONFLICTS_PER_MILLION]
    draw = mixed(numbers, 1) % np.uint64(1_000_000)
    place = np.searchsorted(np.cumsum(shares), draw, side="right") + FIRST_DIRT
    place[place > CONFLICT] = GOOD
    place[numbers == 0] = GOOD
    return place


def original_of(numbers: Numbers) -> Numbers:
    """For each of these rows a good one before it."""
    found = np.zeros_like(numbers)
    for salt in (20, 21, 22):  # one in 36 draws hits an invalid row; without a valid one, take row 0
        drawn = mixed(numbers, salt) % np.maximum(numbers, np.uint64(1))
        found = np.where((found == 0) & (kinds_of(drawn) == GOOD), drawn, found)
    return found


def lines_of(numbers: Numbers, kinds: Kinds, *, revision: int = 0) -> pl.Series:
    """The lines of these rows as they stand in a CSV file.

    Args:
        revision: Another one gives other quantities and prices under the same keys.
    """
    again = kinds >= DUPLICATE
    meant = numbers.copy()
    meant[again] = original_of(numbers[again])
    frame = _good(meant, revision).with_columns(
        pl.when(pl.Series(kinds == CONFLICT))
        .then(pl.lit("77"))
        .otherwise(pl.col("quantity"))
        .alias("quantity")
    )
    for kind, dirt in enumerate(DIRT.values(), FIRST_DIRT):
        if dirt.column is not None:
            spoilt = pl.when(pl.Series(kinds == kind)).then(pl.lit(dirt.text)).otherwise(pl.col(dirt.column))
            frame = frame.with_columns(spoilt.alias(dirt.column))
    lines = frame.select(pl.concat_str(HEADER, separator=",").alias("line"))
    for kind, dirt in enumerate(DIRT.values(), FIRST_DIRT):
        if dirt.column is None:
            ragged = pl.when(pl.Series(kinds == kind)).then(_ragged(dirt)).otherwise(pl.col("line"))
            lines = lines.with_columns(ragged.alias("line"))
    return lines.get_column("line")


def _ragged(dirt: Dirt) -> pl.Expr:
    if dirt.text:
        return pl.col("line") + dirt.text
    return pl.col("line").str.replace(",[^,]*$", "")


def _good(numbers: Numbers, revision: int) -> pl.DataFrame:
    product = mixed(numbers, 2) % np.uint64(_PRODUCTS)
    retailer = mixed(numbers, 3) % np.uint64(_RETAILERS)
    cents = mixed(numbers, 5 + revision) % np.uint64(99_900) + np.uint64(100)
    quantity = mixed(numbers, 105 + revision) % np.uint64(12) + np.uint64(1)
    day = (mixed(numbers, 4) % np.uint64(_DAYS)).astype(np.int64) + _FIRST_DAY
    columns = {
        "sale_id": numbers + np.uint64(_FIRST_ID),
        "product_id": product + np.uint64(1),
        "product_name": _PRODUCT_NAMES.gather(product),
        "brand": _BRANDS.gather(product),
        "category": _PRODUCT_CATEGORIES.gather(product),
        "retailer_id": retailer + np.uint64(1),
        "retailer_name": _RETAILER_NAMES.gather(retailer),
        "location": _LOCATIONS.gather(retailer),
        "quantity": quantity,
        "price": _money(cents),
        "sold_on": pl.Series(day.astype(np.int32)).cast(pl.Date),
    }
    return pl.DataFrame(columns).select(pl.all().cast(pl.String))


def _money(cents: Numbers) -> pl.Series:
    whole, rest = (pl.Series(part).cast(pl.String) for part in np.divmod(cents, np.uint64(100)))
    return whole + "." + rest.str.zfill(2)


def _names(count: int, stem: tuple[str, ...]) -> pl.Series:
    texts = [f"{stem[n % len(stem)]} {n:04}" for n in range(count)]
    return pl.Series([f'"{text}"' if "," in text else text for text in texts])


_PRODUCT_NAMES = _names(_PRODUCTS, _THINGS)
_BRANDS = pl.Series([f"Brand {n % 40:02}" for n in range(_PRODUCTS)])
_PRODUCT_CATEGORIES = pl.Series([_CATEGORIES[n % len(_CATEGORIES)] for n in range(_PRODUCTS)])
_RETAILER_NAMES = _names(_RETAILERS, ("Best Goods", "Corner Shop", "Mega Mart"))
_LOCATIONS = pl.Series(["" if n % 10 == 0 else _CITIES[n % len(_CITIES)] for n in range(_RETAILERS)])


def stretches(rows: int, size: int = 250_000) -> list[Numbers]:
    """The numbers of this many rows, in chunks that fit into memory."""
    bounds = [*range(0, rows, size), rows]
    return [np.arange(low, high, dtype=np.uint64) for low, high in pairwise(bounds)]
