"""Generates the sales file of February 2013: dirty on purpose, with the expected account of a load."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl

from penstock.model.result import Reason
from penstock_sandbox import shop

HEADER = (
    "SaleID", "ProductID", "ProductName", "Brand", "Category", "RetailerID", "RetailerName", "Channel", "Location",
    "Quantity", "Price", "Date",
)  # fmt: skip
NULL_VALUES = ("", "None")
"""Spellings of a missing value in the file, also with spaces around them."""

_BAD_BYTE = "\ue000"  # placeholder for an invalid UTF-8 byte until the text is encoded
_SALE_ID_START = 100  # so that there are small and large ids


@dataclass(frozen=True, slots=True)
class Dirt:
    """One kind of bad row.

    Args:
        share: Rows of this kind per 100,000.
        reason: The reason code with which a load must reject the row.
        spoil: Maps the index of a row of this kind to the fields to change.
    """

    share: int
    reason: Reason
    spoil: Callable[[int], dict[str, str | None]]


def _one(column: str, *values: str | None) -> Callable[[int], dict[str, str | None]]:
    return lambda index: {column: values[index % len(values)]}


def _one_of_the_required(*values: str | None) -> Callable[[int], dict[str, str | None]]:
    required = [name for name in HEADER if name not in ("Location", "Date")]
    return lambda index: {required[index % len(required)]: values[index % len(values)]}


DIRT: Mapping[str, Dirt] = {
    "blank_field": Dirt(400, Reason.MISSING, _one_of_the_required(None, " ", "")),
    "none_word": Dirt(200, Reason.MISSING, _one_of_the_required("None")),
    "missing_date": Dirt(150, Reason.MISSING, _one("Date", None, " ", "None")),
    "impossible_date": Dirt(100, Reason.BAD_TYPE, _one("Date", "2013-02-30", "2013-13-01", "2013-02-29")),
    "other_date_format": Dirt(100, Reason.BAD_TYPE, _one("Date", "28/02/2013", "02/14/2013", "5 Feb 2013")),
    "price_not_a_number": Dirt(100, Reason.BAD_TYPE, _one("Price", "abc", "$19.99", "12.3.4", "1,299.00")),
    "product_not_a_number": Dirt(20, Reason.BAD_TYPE, _one("ProductID", "P-17", "12.5")),
    "too_many_decimals": Dirt(80, Reason.OUT_OF_RANGE, _one("Price", "19.999", "0.125")),
    "huge_quantity": Dirt(20, Reason.OUT_OF_RANGE, _one("Quantity", "99999999999")),
    "long_name": Dirt(60, Reason.TOO_LONG, _one("ProductName", "Very " * 20 + "long name", "é" * 81)),
    "quantity_below_one": Dirt(200, Reason.CHECK, _one("Quantity", "-3", "-1", "0")),
    "negative_price": Dirt(40, Reason.CHECK, _one("Price", "-19.99")),
    "unknown_channel": Dirt(100, Reason.CHECK, _one("Channel", "Phone", "online", "Catalogue")),
    "offline_without_location": Dirt(
        80, Reason.CHECK, lambda index: {"Channel": "Offline", "Location": (None, " ", "None")[index % 3]}
    ),
    "bad_bytes": Dirt(3, Reason.BAD_ENCODING, _one("RetailerName", f"Caf{_BAD_BYTE} Central")),
    "ragged": Dirt(40, Reason.MALFORMED, lambda _: {}),
}
_CONFLICTS = 250  # per 100,000: the same sale twice with different values
_DUPLICATES = 700  # per 100,000: the same row twice
_NO_LOCATION = 0.15  # share of online sales


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesTruth:
    """The expected account of a generated file: ``rows = loaded + duplicates + rejected``.

    Args:
        rejects: Rejected rows by reason code.
        kinds: Rows by kind of dirt, including harmless kinds.
        quantity: Total units of the rows that must be loaded.
        revenue: Total revenue of the rows that must be loaded.
        versions: Expected rows of each type-2 dimension.
    """

    rows: int
    loaded: int
    duplicates: int
    rejected: int
    rejects: Mapping[str, int] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)
    quantity: int = 0
    revenue: Decimal = Decimal(0)
    versions: Mapping[str, int] = field(default_factory=dict)


def write_sales(path: Path, rows: int = 100_000, seed: int = 2013_02) -> SalesTruth:
    """Write the file atomically, and return the expected account of a load.

    Args:
        path: Path of the file; its directory must exist.
        rows: Rows below the header, at least 500 so that every kind of dirt is there.
        seed: Equal seeds and rows give equal bytes.

    Raises:
        ValueError: Fewer than 500 rows were asked for.
        OSError: The file cannot be written.

    Example:
        >>> truth = write_sales(Path("sales.csv"), rows=1_000)
        >>> truth.rows == truth.loaded + truth.duplicates + truth.rejected
        True
    """
    if rows < 500:
        raise ValueError(f"{rows} rows are too few for every kind of dirt; use at least 500")
    chance = np.random.default_rng(seed)
    counts = {name: max(1, dirt.share * rows // 100_000) for name, dirt in DIRT.items()}
    conflicts, duplicates = max(2, _CONFLICTS * rows // 100_000), max(1, _DUPLICATES * rows // 100_000)
    bad = sum(counts.values())

    sales = _sales(chance, rows - bad - conflicts - duplicates)
    corrected = np.sort(chance.choice(sales.height, conflicts, replace=False))
    good = pl.concat([sales, _corrections(sales[corrected.tolist()])])
    spoiled = _spoil(_fields(_sales(chance, bad, first_id=_SALE_ID_START + 10 * rows)), counts)
    copies = chance.choice(np.setdiff1d(np.arange(sales.height), corrected), duplicates, replace=False)
    lines = _lines(pl.concat([(texts := _fields(good)), spoiled, texts[copies.tolist()]]))
    ragged = slice(good.height + bad - counts["ragged"], good.height + bad)
    lines[ragged] = [
        line + ",surplus,fields" if index % 2 else line.rsplit(",", 3)[0]
        for index, line in enumerate(lines[ragged])
    ]
    # The sales keep their order; all other rows are scattered among them, corrections after the sales they correct.
    start = np.concatenate([corrected, np.zeros(bad), copies])
    place = np.concatenate(
        [np.arange(sales.height), start + chance.random(start.size) * (sales.height - start)]
    )
    _write(path, [",".join(HEADER), *(lines[index] for index in np.argsort(place, kind="stable"))])
    return _truth(good, counts, conflicts, duplicates)


def _sales(chance: np.random.Generator, count: int, first_id: int = _SALE_ID_START) -> pl.DataFrame:
    """Return valid sales, ordered by id and day."""
    online = chance.random(count) < 0.4
    city = chance.integers(0, len(shop.CITIES), count)
    return pl.DataFrame(
        {
            "sale_id": np.arange(first_id, first_id + count),
            "day": np.sort(chance.integers(0, shop.DAYS, count)),
            "product": chance.integers(0, shop.PRODUCTS, count),
            "retailer": chance.integers(0, shop.RETAILERS, count),
            "online": online,
            "city": np.where(online & (chance.random(count) < _NO_LOCATION), -1 - city % 3, city),
            "quantity": chance.integers(1, 12, count),
            "discount": chance.integers(0, 30, count),
        }
    )


def _corrections(sales: pl.DataFrame) -> pl.DataFrame:
    """Return these sales again with more units, in turn on the same day, a day later, the same day, a day earlier."""
    shift = pl.Series(np.resize([0, 1, 0, -1], sales.height))
    return sales.with_columns(pl.col("quantity") + 20, day=(pl.col("day") + shift).clip(0, shop.DAYS - 1))


def _priced(sales: pl.DataFrame) -> pl.DataFrame:
    return (
        sales.join(shop.products(), on=["product", "day"], how="left", maintain_order="left")
        .join(shop.retailers(), on=["retailer", "day"], how="left", maintain_order="left")
        .with_columns(total=pl.col("cents") * pl.col("quantity") * (100 - pl.col("discount")) // 100)
    )


def _fields(sales: pl.DataFrame) -> pl.DataFrame:
    """Return the sales as text under the file's header."""
    places = pl.DataFrame(
        {
            "city": list(range(-3, len(shop.CITIES))),
            # Long addresses contain typed line breaks.
            "place": [None, " ", "None", *(name.replace("Saint ", "Saint\n") for name in shop.CITIES)],
        }
    )
    total = pl.col("total")
    cents = pl.format("{}.{}", total // 100, (total % 100).cast(pl.String).str.zfill(2))
    return (
        _priced(sales)
        .join(places, on="city", how="left", maintain_order="left")
        .select(
            pl.col("sale_id").cast(pl.String).alias("SaleID"),
            pl.col("product_id").cast(pl.String).alias("ProductID"),
            pl.col("product_name").alias("ProductName"),
            pl.col("brand").alias("Brand"),
            pl.col("category").alias("Category"),
            pl.col("retailer_id").cast(pl.String).alias("RetailerID"),
            pl.col("retailer_name").alias("RetailerName"),
            pl.when("online").then(pl.lit("Online")).otherwise(pl.lit("Offline")).alias("Channel"),
            pl.col("place").alias("Location"),
            pl.col("quantity").cast(pl.String).alias("Quantity"),
            cents.alias("Price"),
            (pl.lit(shop.MONTH) + pl.duration(days="day")).cast(pl.String).alias("Date"),
        )
    )


def _spoil(texts: pl.DataFrame, counts: Mapping[str, int]) -> pl.DataFrame:
    rows = texts.with_columns(Channel=pl.lit("Offline"), Location=pl.lit("Chicago")).to_dicts()
    kinds = [(name, index) for name, count in counts.items() for index in range(count)]
    for row, (name, index) in zip(rows, kinds, strict=True):
        row.update(DIRT[name].spoil(index))
    return pl.DataFrame(rows, schema=texts.schema)


def _lines(texts: pl.DataFrame) -> list[str]:
    """Return CSV lines. Fields are quoted if necessary; empty text is quoted, a missing value is not."""
    quoted = [
        pl.when(pl.col(name).str.contains(r'[",\n]|^$'))
        .then(pl.lit('"') + pl.col(name).str.replace_all('"', '""', literal=True) + '"')
        .otherwise(pl.col(name))
        .fill_null("")
        for name in HEADER
    ]
    return texts.select(line=pl.concat_str(quoted, separator=",")).to_series().to_list()


def _write(path: Path, lines: list[str]) -> None:
    content = ("\n".join(lines) + "\n").encode().replace(_BAD_BYTE.encode(), b"\xe9")
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _truth(good: pl.DataFrame, counts: Mapping[str, int], conflicts: int, duplicates: int) -> SalesTruth:
    # Among rows of one sale, the later day wins, and on the same day the later row.
    kept = _priced(good.sort("day", maintain_order=True).unique("sale_id", keep="last"))
    rejects = {str(reason): 0 for reason in Reason}
    for name, count in counts.items():
        rejects[DIRT[name].reason] += count
    rejects[Reason.KEY_CONFLICT] += conflicts
    codes = [pl.col("brand").str.to_lowercase(), pl.col("category").str.to_lowercase()]
    versions = {
        "dim_products": kept.select("product_id", "product_name", *codes).n_unique(),
        "dim_brands": kept["brand"].n_unique(),
        "dim_categories": kept["category"].n_unique(),
        "dim_retailers": kept.select("retailer_id", "retailer_name").n_unique(),
    }
    return SalesTruth(
        rows=kept.height + conflicts + duplicates + sum(counts.values()),
        loaded=kept.height,
        duplicates=duplicates,
        rejected=sum(rejects.values()),
        rejects={reason: count for reason, count in rejects.items() if count},
        kinds={
            **counts,
            "same_sale_twice": conflicts,
            "same_row_twice": duplicates,
            "online_without_location": kept.filter(pl.col("city") < 0).height,
            "id_above_127": kept.filter(pl.col("product_id") > 127).height,
            "id_above_32767": kept.filter(pl.col("product_id") > 32_767).height,
        },
        quantity=int(kept["quantity"].sum()),
        revenue=Decimal(int(kept["total"].sum())).scaleb(-2),
        versions=versions,
    )
